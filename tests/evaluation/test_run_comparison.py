from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench import Score
from interplay_bench.environment.errors import RunError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.run import Run, write_record
from interplay_bench.evaluation.run_comparison import compare
from interplay_bench.evaluation.run_record import RunRecord
from interplay_bench.metrics.paired_tests import mcnemar
from interplay_bench.plugins.plugin_file import load_plugin

Cli = Callable[..., subprocess.CompletedProcess[str]]
Make = Callable[..., Run]


@pytest.fixture
def make(toy: Path, tmp_path: Path) -> Make:
    """Run a model on 60 toy dialogues; the run's folder has the model's name, or the one that is given."""
    load_plugin(toy)

    def run(model: str, name: str | None = None, **keywords: object) -> Run:
        chosen: dict[str, object] = {"data": "60", **keywords}
        return evaluate("user_multiturn", model, "toy", output=tmp_path / (name or model), **chosen)  # type: ignore[arg-type]

    return run


def edit(run: Run, part: str, key: str, value: object) -> Run:
    record = run.record.to_json()
    record[part][key] = value
    write_record(run.folder, RunRecord.parse(record))
    return Run.load(run.folder)


def rewrite(run: Run, change: Callable[[list[dict[str, object]]], None]) -> None:
    path = run.folder / "samples.jsonl"
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    change(samples)
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))


def test_rates_are_paired_by_dialogue(make: Make) -> None:
    # Of 39 replays a third proposes its target in each round: B wins the 26 where A takes the first thing.
    found = compare(make("accept-first"), make("likes-dune"))
    assert list(found) == ["SR", "ET", "FR", "agreement with people"]  # accept-first has no probabilities
    sr = found["SR"]
    assert (sr.a.count, sr.b.count, sr.found.n) == (13, 39, 39)
    assert sr.found.effect == pytest.approx(26 / 39)
    assert sr.found.low is not None
    assert sr.found.high is not None
    assert sr.found.low < sr.found.effect < sr.found.high
    assert sr.found.p == 2 * 0.5**13  # all 13 users have a dialogue in which B wins, and none in which A does
    assert sr.holm == pytest.approx(4 * sr.found.p)  # the smallest of four
    assert sr.significant
    assert found["ET"].found.effect == pytest.approx(-26 / 39)
    assert found["FR"].found.p == 1
    assert not found["FR"].significant


def test_areas_are_paired_by_decision_and_resampled_by_user(make: Make) -> None:
    # Books 0, 1, 2 have an opinion; "likes-dune" is sure of Dune alone, and someone else is not.
    sure, unsure = make("likes-dune"), make("likes-dune", "unsure")

    def forget(samples: list[dict[str, object]]) -> None:
        for sample in samples:
            for decision in sample["detail"]["decisions"]:  # type: ignore[index]
                decision["probability"] = 0.5
        samples[0]["detail"]["decisions"][0]["probability"] = None  # type: ignore[index]

    rewrite(unsure, forget)
    found = compare(unsure, sure)["decision AUC"]
    assert found.found.effect == 0.5
    assert found.found.test == "paired-bootstrap"
    assert found.found.n == (found.b.n or 0) - 1
    assert found.alone == (0, 1)
    assert found.significant


def test_swaps_are_paired_by_dialogue(make: Make) -> None:
    swap = {"counterfactual": "swap"}
    found = compare(make("accept-at:2", settings=swap), make("likes-dune", settings=swap))
    swapped, left = found["SR swapped"], found["SR - swapped"]
    assert (swapped.a.count, swapped.b.count, swapped.found.n) == (13, 0, 39)
    assert swapped.found.p == 2 * 0.5**11  # the 13 dialogues are of 11 users
    assert left.found.effect == pytest.approx((left.b.value or 0) - (left.a.value or 0))
    assert left.found.test == "paired-bootstrap"


def test_a_run_does_not_differ_from_itself(make: Make) -> None:
    run = make("accept-at:2")
    for difference in compare(run, run).values():
        assert (difference.found.effect, difference.found.p, difference.holm) == (0, 1, 1)


def test_what_only_one_run_has_is_left_out_and_counted(make: Make) -> None:
    whole, part = make("accept-first"), make("likes-dune", limit=20)
    found = compare(whole, part)["SR"]
    replayed = found.b.total or 0
    assert found.found.n == replayed < 39
    assert found.alone == (39 - replayed, 0)
    # ... and what the server would not answer.
    broken = make("likes-dune", "broken")
    rewrite(broken, lambda samples: samples[0].update(outcome="backend_error"))
    assert compare(whole, broken)["SR"].alone == (1, 0)


@pytest.mark.parametrize(
    ("part", "key", "value", "named"),
    [
        ("dataset", "fingerprint", "sha256:0", "data differs: toy/test sha256:"),
        ("task", "version", "0", "task differs: user_multiturn, version"),
        ("task", "name", "turns", "and turns, version"),
    ],
)
def test_records_that_differ_are_refused_by_name(make: Make, part: str, key: str, value: str, named: str) -> None:
    other = edit(make("oracle"), part, key, value)
    with pytest.raises(RunError, match=named):
        compare(make("accept-first"), other)


def test_other_signatures_are_refused_by_name(make: Make) -> None:
    with pytest.raises(RunError, match=r"signature of SR differs: SR\|history:gold.*SR\|history:gold\|decide:generate"):
        compare(make("likes-dune"), make("likes-dune", "written", settings={"decide": "generate"}))


def test_incomplete_runs_are_refused(make: Make) -> None:
    run = make("oracle")
    write_record(run.folder, run.record.model_copy(update={"status": "running"}))
    with pytest.raises(RunError, match="incomplete"):
        compare(make("accept-first"), Run.load(run.folder))


def test_samples_of_other_dialogues_are_refused(make: Make) -> None:
    moved = make("oracle")
    rewrite(moved, lambda samples: samples[5].update(dialogue="d6"))
    with pytest.raises(RunError, match="dialogue at position 5 differs: d5 of u5 and d6 of u5"):
        compare(make("accept-first"), moved)


@pytest.fixture(scope="module")
def replies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, int], Run]:
    """A finished run of ``user_singleturn`` in which someone says the same words, or ever new ones, to 50 dialogues."""
    folder = tmp_path_factory.mktemp("replies")

    def build(name: str, said: str, missing: int = 0) -> Run:
        samples = []
        for i in range(50):
            texts = [said.format(i=i, turn=turn) for turn in (1, 3)]
            given = [{"turn": t, "text": x, "bertscore": 0.5} for t, x in zip((1, 3), texts, strict=True)]
            shown = given[1:] if i < missing else given
            samples.append({"index": i, "dialogue": f"d{i}", "user": f"u{i % 11}", "outcome": "evaluated",
                            "counts": {}, "detail": {"replies": shown}})  # fmt: skip
        (folder / name).mkdir()
        (folder / name / "samples.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
        n = 100 - missing
        dist = f"dist-4|level:corpus|n:{n}|interval:jackknife-cluster-95|version:1"
        scores = [Score("BERTScore", 0.5, n, "bertscore"), Score("Dist-4", 0.5, n, dist), Score("words", 5, n, "words")]
        record = {
            "schema": 2,
            "status": "complete",
            "task": {"name": "user_singleturn", "version": "1", "options": {}},
            "model": {"name": name, "knows_target": False, "card": {}, "identity": {}},
            "dataset": {"name": "x", "split": "test", "fingerprint": "f", "synthetic": True, "dialogues": 50,
                        "preprocessing": {}},
            "request": {"task": "user_singleturn", "model": name, "dataset": "x", "data": None, "split": "test",
                        "limit": None, "seed": 0, "settings": {}},
            "command": None, "versions": {}, "git": None, "machine": "",
            "metrics": {score.name: score.to_json() for score in scores},
        }  # fmt: skip
        write_record(folder / name, RunRecord.parse(record))
        return Run.load(folder / name)

    return build


def test_means_and_distinct_are_paired_by_reply(replies: Callable[..., Run]) -> None:
    same, fresh = replies("same", "I do not know what I want"), replies("fresh", "{i} {turn} do not {i} know", 4)
    found = compare(same, fresh)
    assert list(found) == ["BERTScore", "Dist-4", "words"]
    assert {d.found.n for d in found.values()} == {96}
    assert {d.alone for d in found.values()} == {(4, 0)}
    assert found["Dist-4"].found.effect > 0.5
    assert found["Dist-4"].significant
    assert found["words"].found.effect == -1
    assert found["BERTScore"].found.effect == 0
    assert not found["BERTScore"].significant


def test_a_task_that_tells_no_pairs_is_not_compared(toy: Path, tmp_path: Path) -> None:
    load_plugin(toy)
    run = evaluate("turns", "oracle", "toy", output=tmp_path / "run")
    assert compare(run, run) == {}


@pytest.mark.slow
def test_the_command_prints_a_table(cli: Cli, make: Make, toy: Path, tmp_path: Path) -> None:
    a, b = make("oracle"), make("likes-dune")
    done = cli("compare", a.folder, b.folder, "--plugin", toy)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "A: oracle (told the target)" in done.stdout
    assert next(line for line in lines if line.startswith("SR")).split()[2:5] == ["1.0000", "1.0000", "+0.0000"]
    assert "Not compared: decision AUC." in lines


@pytest.mark.slow
def test_too_few_users_have_no_p_of_resampling(cli: Cli, make: Make) -> None:
    swap = {"counterfactual": "swap"}
    a, b = (make(model, limit=4, settings=swap) for model in ("accept-first", "oracle"))
    left = compare(a, b)["SR - swapped"]
    assert (left.found.n, left.found.p, left.holm, left.found.low) == (3, None, None, None)
    assert compare(a, b)["SR"].found.p == mcnemar(0, 2)  # an exact test says itself how little three are
    done = cli("compare", a.folder, b.folder)
    rows = [line for line in done.stdout.splitlines() if line.startswith("SR")]
    assert ["too few users: 3" in row for row in rows] == [False, False, True]
    assert "at least 10" in done.stdout


@pytest.mark.slow
def test_the_command_prints_json(cli: Cli, make: Make) -> None:
    a, b = make("accept-first"), make("oracle")
    printed = json.loads(cli("compare", a.folder, b.folder, "--json").stdout)
    assert printed["a"]["model"] == "accept-first"
    assert printed["dataset"]["fingerprint"] == a.record.dataset.fingerprint
    assert printed["metrics"]["SR"]["effect"] == pytest.approx(26 / 39)
    assert printed["metrics"]["SR"]["n"] == 39
    assert printed["metrics"]["SR"]["test"] == "swapped-users"


def test_the_commands_refusal_is_one_line(cli: Cli, make: Make, tmp_path: Path) -> None:
    a, b = make("accept-first"), make("oracle", data="61")
    done = cli("compare", a.folder, b.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert cli("compare", a.folder, tmp_path).returncode == 2
