from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from interplay_bench.cli.main import main
from interplay_bench.environment.errors import DataError, MissingDataError
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.evaluators.regression import Regression
from interplay_bench.study.evaluators.surface import SURFACE
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import RATED, RatedDialogue, RatedItem, RatedSet
from interplay_bench.study.validation import ALL, OVER, correlations, validate

TALK = (
    Line("user", "I like scary films."),
    Line("recommender", "You may enjoy Alien (1979) then."),
    Line("user", "I hate that one, it is awful."),
    Line("recommender", "You may enjoy Alien (1979) then, no?"),
    Line("user", "Thanks, that is wonderful!"),
)


def rated(scores: list[float], systems: list[str]) -> RatedSet:
    (overall,) = (each for each in read_criteria("scales.toml") if each.key == "dialogue_overall")
    dialogues = [
        RatedDialogue(str(n), system, "", TALK, {"dialogue_overall": score}, {})
        for n, (score, system) in enumerate(zip(scores, systems, strict=True))
    ]
    return RatedSet("toy", (overall,), tuple(dialogues))


def test_correlations_are_those_of_scipy_in_every_resample() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 40).astype(float), rng.integers(0, 3, 40).astype(float)
    weights = np.vstack([np.ones(40), rng.integers(0, 3, (5, 40))])
    for statistic, theirs in (("spearman", spearmanr), ("pearson", pearsonr)):
        ours = correlations(x, y, weights, statistic)  # type: ignore[arg-type]
        for row, value in zip(weights.astype(int), ours, strict=True):
            assert value == pytest.approx(theirs(np.repeat(x, row), np.repeat(y, row)).statistic)


def test_a_constant_evaluator_has_no_correlation_and_a_perfect_one_has_1() -> None:
    scores = [float(n * n % 7) for n in range(30)]
    found = validate(rated(scores, ["one", "two", "three"] * 10), {
        "constant": lambda _, items: [1.0] * len(items),
        "people": lambda _, items: [item.score for item in items],
    })  # fmt: skip
    values = {(each.evaluator, each.scope, each.statistic): each for each in found}
    assert values["constant", ALL, "spearman"].value is None
    perfect = values["people", ALL, "spearman"]
    assert (perfect.value, perfect.low, perfect.high, perfect.n) == pytest.approx((1, 1, 1, 30))
    assert values["people", OVER, "pearson"].value == pytest.approx(1)
    assert values["people", "two", "pearson"].n == 10


def test_measures_of_a_turn_and_of_a_dialogue() -> None:
    dialogue = RatedDialogue("1", "one", "", TALK, {}, {})
    (overall,) = (each for each in read_criteria("scales.toml") if each.key == "dialogue_overall")
    whole, first, last = (RatedItem(dialogue, line, 0.0) for line in (None, 1, 3))

    def measured(name: str, item: RatedItem) -> float | None:
        return SURFACE[name](overall, [item])[0]

    assert (measured("length", whole), measured("length", last)) == (13, 7)
    assert (measured("turns", whole), measured("turns", last)) == (5, 4)
    assert measured("repetition", first) == 0
    assert measured("repetition", last) == pytest.approx(3 / 5)  # "then," is not "then."
    assert measured("novelty", first) == 1
    assert measured("novelty", last) == pytest.approx(2 / 7)
    assert (measured("item named", whole), measured("item named", RatedItem(dialogue, 1, 0.0))) == (1, 1)
    pytest.importorskip("vaderSentiment", reason="the extra [study] is not installed")
    liked, disliked = measured("sentiment", whole), measured("sentiment", first)
    assert liked is not None
    assert disliked is not None
    assert liked > 0.5 > -0.5 > disliked


def test_the_regression_never_sees_the_system_that_it_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """One system's scores are changed: its own predictions stay as they are."""
    from interplay_bench.study.evaluators import regression

    def embedded(texts: list[str]) -> Any:
        return np.array([np.random.default_rng(len(text)).normal(size=8) for text in texts])

    monkeypatch.setattr(regression, "embed", embedded)
    (overall,) = (each for each in read_criteria("scales.toml") if each.key == "dialogue_overall")
    rng = random.Random(0)
    words = [(Line("user", "x" * rng.randint(1, 20)), Line("recommender", "y" * n)) for n in range(1, 31)]
    systems = ["one", "two", "three"] * 10
    talks = [RatedDialogue(str(n), systems[n], "", words[n], {}, {}) for n in range(30)]
    items = [RatedItem(each, None, rng.random()) for each in talks]
    changed = [RatedItem(i.dialogue, None, 5 - i.score if i.dialogue.system == "one" else i.score) for i in items]
    before, after = Regression()(overall, items), Regression()(overall, changed)
    for system, old, new in zip(systems, before, after, strict=True):
        assert (old == new) is (system == "one")
    assert Regression()(overall, items[::3]) == [None] * 10


def test_the_command_prints_published_figures_below_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("vaderSentiment", reason="the extra [study] is not installed")
    levels: dict[str, float] = {"understanding": 1, "task_completion": 0, "interest_arousal": 0, "efficiency": 1}
    rows: list[Any] = [
        {
            "conv_id": f"system_redial_{n}",
            "dialogue": [
                {"turn_ind": 0, "role": "USER", "utterance": "Hello"},
                {
                    "turn_ind": 1,
                    "role": "ASST",
                    "utterance": "Hi " * (n + 1),
                    "turn_level_aggregated": {"relevance": n},
                },
            ],
            "dial_level_aggregated": {**levels, "dialogue_overall": n},
        }
        for n in range(5)
    ]
    (tmp_path / "crs_arena_eval.json").write_text(json.dumps(rows))
    figures = {
        "relevance": {"pearson_r": 0.25, "spearman_rho": 0.125},
        "efficiency": {"pearson_r": None, "spearman_rho": None},
    }
    (tmp_path / "baselines.json").write_text(json.dumps({"CRSArena-Eval_RD": {"FACE": figures}}))
    output = tmp_path / "all.csv"
    call = ["study", "validate", "crsarena-eval", "--data", str(tmp_path), "--output", str(output)]
    assert main([*call, "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    assert "5 dialogues of 1 systems" in text
    (row,) = re_rows(text, "length", 1)
    assert row.split("|")[2].strip().startswith("1.000")
    assert output.read_text().startswith("part,evaluator,criterion,level,statistic,scope,value")
    (tmp_path / "crs_arena_eval.json").write_text('[{"conv_id": "x"}]')
    assert main(call) == 2
    assert "has no 'dialogue'" in capsys.readouterr().err


def re_rows(text: str, name: str, count: int) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"| {name}")][:count]


def test_what_is_no_corpus_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"ReDial\.txt"):
        RATED.find("uss")(tmp_path)
    (tmp_path / "SGD.txt").write_text("USER\tHi\tGREET\tgood\n")
    with pytest.raises(DataError, match="is no number"):
        RATED.find("uss")(tmp_path)


def test_the_real_corpora_are_read_whole(data: Path) -> None:
    found = {name: RATED.find(name)(data / name) for name in ("crsarena-eval", "ab-redial", "uss")}
    counts = {name: [len(each.items(c)) for c in each.criteria] for name, each in found.items()}
    assert counts["crsarena-eval"] == [1518, 1520, 310, 310, 310, 310, 310]
    assert len({each.system for each in found["crsarena-eval"].dialogues}) == 9
    assert counts["ab-redial"][2:7] == [200] * 5
    assert counts["uss"][1] == 2481
