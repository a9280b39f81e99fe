from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.environment.errors import DataError
from interplay_bench.study.answer import Answer
from interplay_bench.study.plan import Kind, Plan
from interplay_bench.study.power import pairs_needed
from interplay_bench.study.preference import Vote, preference
from interplay_bench.study.study_report import alpha, study_report
from tests.study.simulated_annotators import simulated_answers

pytest.importorskip("krippendorff", reason="the extra [study] is not installed")
PlanOf = Callable[..., Plan]


def votes(counts: dict[str, int]) -> list[Vote]:
    sides = [side for side, count in counts.items() for _ in range(count)]
    return [Vote("one", f"p{n}", side) for n, side in enumerate(sides)]


def test_win_ratio_and_sign_test_of_one_annotator() -> None:
    found = preference(votes({"a": 9, "tie": 4, "b": 1}))
    assert (found.wins, found.ties, found.losses) == (9, 4, 1)
    assert found.ratio == pytest.approx(0.9)
    assert found.p == pytest.approx(2 * 11 / 1024)  # P(at most 1 of 10), twice
    assert found.low is None  # one annotator says nothing of annotators


def test_ten_annotators_of_one_pair_are_one_pair() -> None:
    found = preference([Vote(f"v{n}", "p1", "a") for n in range(10)])
    assert found.p == 1


def test_alpha_of_krippendorffs_own_example() -> None:
    """Two observers, ten articles: 0.095 (Krippendorff 2011, section A)."""
    meg, owen = "0100000010", "1110010000"
    side = {"0": "b", "1": "a"}
    given = [Vote(name, str(n), side[c]) for name, text in (("Meg", meg), ("Owen", owen)) for n, c in enumerate(text)]
    assert alpha(given) == pytest.approx(0.095, abs=5e-4)
    assert alpha(given[:10]) is None


def test_alpha_of_a_scale_is_that_of_krippendorffs_example() -> None:
    """Four observers, twelve units, some missing: nominal 0.743, ordinal 0.815 (Krippendorff 2011, C and D)."""
    observers = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    given = [Vote(str(o), str(u), v) for o, row in enumerate(observers) for u, v in enumerate(row) if v != "."]
    levels = {str(level): level - 1 for level in range(1, 6)}
    assert alpha(given, levels) == pytest.approx(0.743, abs=5e-4)
    assert alpha(given, levels, "ordinal") == pytest.approx(0.815, abs=5e-4)


def test_power_of_the_sign_test() -> None:
    from scipy.stats import binom, binomtest

    def power(n: int, ratio: float) -> float:
        return float(sum(binom.pmf(k, n, ratio) for k in range(n + 1) if binomtest(k, n).pvalue <= 0.05))

    needed = pairs_needed(0.8)
    assert needed is not None
    assert power(needed, 0.8) >= 0.8 > power(needed - 1, 0.8)
    assert pairs_needed(0.501) is None


def test_controls_repeats_sides_and_agreement_are_told(planned: PlanOf) -> None:
    plan = planned(annotators=3)
    careful = simulated_answers(plan, 1.0, 0, ties=0)
    lazy = [replace(a, choice="left") if a.annotator == "annotator-3" else a for a in careful]
    report = study_report(plan, lazy)
    first, _, last = report.annotators
    assert (first.consistency, first.failed, first.controls) == (1, 0, 1)
    assert last.consistency == 0  # always the left: the swapped repeat contradicts
    assert first.agreement is not None
    assert last.agreement is not None
    assert last.agreement < first.agreement
    assert first.answered == first.asked
    assert report.left is not None
    assert report.left.value is not None
    assert report.left.value > 0.5
    control = next(s for s in plan.annotators[2].showings if s.kind is Kind.CONTROL)
    assert last.failed == (control.left == "b")


def test_nothing_answered_is_a_clear_error(planned: PlanOf) -> None:
    with pytest.raises(DataError, match="Nobody has answered"):
        study_report(planned(), [])


@pytest.mark.slow
@pytest.mark.parametrize(("ratio", "spread"), [(0.5, 0.2), (0.65, 0.15)])
def test_studies_find_the_known_preference(planned: PlanOf, ratio: float, spread: float) -> None:
    """100 studies of 5 annotators and 30 pairs; ``benchmarks/study.py`` has 500 of each kind."""
    plan = planned(pairs=30, annotators=5, repeats=0, controls=0)
    plan = replace(plan, criteria=plan.criteria[:1])
    held = alarms = 0
    for seed in range(100):
        (only,) = study_report(plan, simulated_answers(plan, ratio, seed, spread=spread)).criteria
        found = only.preference
        assert found.low is not None
        assert found.high is not None
        held += found.low <= ratio <= found.high
        alarms += only.significant
    assert held >= 95
    assert (alarms <= 5) if ratio == 0.5 else (alarms >= 25)


def test_answers_go_out_and_in_and_into_a_figure(
    planned: PlanOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from interplay_bench.study.answer_store import AnswerStore

    plan = planned(annotators=3)
    path, answers = tmp_path / "plan.json", simulated_answers(plan, 0.9, 1)
    plan.write(path)
    assert main(["study", "report", str(path)]) == 2
    assert "no answers" in capsys.readouterr().err
    AnswerStore(tmp_path / "plan.sqlite").save(answers)
    for name in ("out.csv", "out.jsonl"):
        copy = str(tmp_path / f"{name}.sqlite")
        assert main(["study", "export", str(path), str(tmp_path / name)]) == 0
        assert main(["study", "import", str(path), str(tmp_path / name), "--answers", copy]) == 0
        assert sorted(AnswerStore(Path(copy)).answers(), key=str) == sorted(answers, key=str)
    capsys.readouterr()
    figures = [tmp_path / "1.svg", tmp_path / "2.svg"]
    for figure in figures:
        assert main(["study", "report", str(path), "--figure", str(figure)]) == 0
    text = capsys.readouterr().out
    assert "User control" in text
    assert "annotator-3" in text
    assert figures[0].read_bytes() == figures[1].read_bytes()


@pytest.mark.parametrize(
    "row",
    [
        "nobody,1,flow,left,0",
        "annotator-1,99,flow,left,0",
        "annotator-1,1,beauty,left,0",
        "annotator-1,1,flow,up,0",
        "annotator-1,x,flow,left,0",
        "annotator-1,1,flow,left,0\nannotator-1,1,flow,right,0",
        "annotator-1,1,flow,left,0,more",
        f"annotator-1,1,{'flow' * 50_000},left,0",
        "",
    ],
)
def test_what_cannot_be_imported_is_one_clear_error(planned: PlanOf, tmp_path: Path, row: str) -> None:
    from interplay_bench.study.answer_files import read_answers

    path = tmp_path / "answers.csv"
    path.write_text(f"annotator,page,criterion,choice,at\n{row}\n")
    with pytest.raises(DataError, match=r"answers\.csv"):
        read_answers(path, planned())


def test_what_spreadsheets_and_other_languages_write_is_imported(planned: PlanOf, tmp_path: Path) -> None:
    from interplay_bench.study.answer_files import read_answers

    answer = Answer("annotator-1", 1, "flow", "left")
    (tmp_path / "answers.csv").write_text("\ufeffannotator,page,criterion,choice,at\nannotator-1,1,flow,left,0\n")
    assert read_answers(tmp_path / "answers.csv", planned()) == [answer]
    row = '{"annotator": "annotator-1", "page": 1, "criterion": "flow", "choice": "left", "at": 0, "pair": "a\u2028b"}'
    (tmp_path / "answers.jsonl").write_text(f"{row}\r\n")
    assert read_answers(tmp_path / "answers.jsonl", planned()) == [answer]
    (tmp_path / "answers.jsonl").write_text("[" * 5000)
    with pytest.raises(DataError, match=r"answers\.jsonl, line 1"):
        read_answers(tmp_path / "answers.jsonl", planned())


def test_an_answer_is_of_a_side_not_of_a_system(planned: PlanOf) -> None:
    plan = planned()
    page, showing = next((n, s) for n, s in enumerate(plan.annotators[0].showings, 1) if s.left == "b")
    answer = Answer("annotator-1", page, "flow", "left")
    assert answer.showing(plan) == showing
    assert showing.chosen(answer.choice) == "b"


def test_a_study_is_published_and_stands_as_figure_3(
    planned: PlanOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from interplay_bench.study.answer_store import AnswerStore

    plan = replace(planned(annotators=3), a_models=("usersim", "recsim"), b="pearl=data/pearl")
    path, record, results = tmp_path / "plan.json", tmp_path / "record", tmp_path / "results"
    plan.write(path)
    AnswerStore(tmp_path / "plan.sqlite").save(simulated_answers(plan, 0.9, 1))
    call = ["study", "report", str(path), "--record", str(record)]
    assert main([*call, "--format", "latex"]) == 0
    assert r"\begin{tabular}" in capsys.readouterr().out
    assert main(call) == 2  # the record is not overwritten
    assert main(["publish", str(record), "--results", str(results), "--allow-dirty"]) == 0
    text = "".join(each.read_text() for each in results.iterdir())
    assert all(each.token not in text for each in plan.annotators)
    assert "hello" not in text
    (tmp_path / "paper.toml").write_bytes((Path(__file__).parents[2] / "leaderboard" / "paper.toml").read_bytes())
    assert main(["leaderboard", "--results", str(results), "--output", str(tmp_path)]) == 0
    page = (tmp_path / "README.md").read_text()
    printed, ours = (
        page.split("## Figure 3 of the paper")[1],
        page.split("win ratio against other dialogues on pearl")[2],
    )
    assert "prints no number of them" in printed
    assert "usersim × recsim" in ours
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0
    assert (tmp_path / "plan.sqlite").stat().st_mode & 0o077 == 0


def test_comments_are_exported_and_pages_timed(planned: PlanOf, tmp_path: Path) -> None:
    from interplay_bench.study.answer_store import AnswerStore

    plan = planned()
    path = tmp_path / "plan.json"
    plan.write(path)
    store = AnswerStore(tmp_path / "plan.sqlite")
    answers = [replace(a, at=100.0 + 7 * a.page) for a in simulated_answers(plan, 0.9, 1)]
    store.save(answers)
    store.comment("annotator-2", 3, 'two, "alike"')
    out = tmp_path / "comments.csv"
    assert main(["study", "export", str(path), str(tmp_path / "out.csv"), "--comments", str(out)]) == 0
    pair = plan.annotators[1].showings[2].pair
    assert out.read_text() == f'annotator,page,pair,comment\nannotator-2,3,{pair},"two, ""alike"""\n'
    assert study_report(plan, answers).annotators[0].seconds == pytest.approx(7)
