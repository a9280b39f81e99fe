from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from interplay_bench import Decision, UserSimulator, Verdict, View
from interplay_bench.datasets.load import item_catalog, load_dataset
from interplay_bench.environment.errors import DataError, RunError, UsageError
from interplay_bench.environment.processes import Processes
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.run import Run
from interplay_bench.plugins.plugin_file import load_plugin


@pytest.fixture(autouse=True)
def plugin(toy: Path) -> None:
    load_plugin(toy)


def comparable(folder: Path) -> tuple[bytes, dict[str, object]]:
    record = json.loads((folder / "run.json").read_text())
    record.pop("timing")
    return (folder / "samples.jsonl").read_bytes(), record


def test_the_record_says_what_was_run(tmp_path: Path) -> None:
    run = evaluate("user_multiturn", "accept-at:2", "toy", limit=5, seed=7, output=tmp_path / "run")
    record = run.record
    assert record.status == "complete"
    options = {"history": "gold", "decide": "score", "counterfactual": "none"}
    assert (record.task.name, record.task.version, record.task.options) == ("user_multiturn", "1", options)
    assert record.dataset.fingerprint.startswith("sha256:")
    assert record.dataset.dialogues == 5
    assert record.request.seed == 7
    assert "--model accept-at:2" in str(record.command)
    assert set(record.versions) >= {"python", "interplay-bench", "torch", "transformers"}
    assert record.timing is not None
    assert record.timing.dialogues == 5


def test_scores_are_read_by_name(tmp_path: Path) -> None:
    run = evaluate("user_multiturn", "accept-first", "toy", output=tmp_path / "run")
    assert run["SR"].total == Run.load(tmp_path / "run")["SR"].total
    with pytest.raises(UsageError, match="Did you mean 'SR'"):
        run["SRR"]


def test_equal_data_has_an_equal_fingerprint(tmp_path: Path) -> None:
    prints = [
        evaluate("user_multiturn", "oracle", "toy", data=size, output=tmp_path / str(number)).record.dataset.fingerprint
        for number, size in enumerate(("8", "8", "9"))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_sigkill_at_random_moments_and_resume_give_the_undisturbed_result(toy: Path, tmp_path: Path) -> None:
    evaluate("user_multiturn", "slow", "toy", data="120", output=tmp_path / "calm")
    hit = tmp_path / "hit"
    command = [sys.executable, "-m", "interplay_bench", "run", "--task", "user_multiturn", "--model", "slow"]
    command += ["--dataset", "toy", "--data", "120", "--plugin", str(toy), "--output", str(hit), "--resume"]
    moments, kills = random.Random(0), 0
    while kills < 20:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ)
        time.sleep(moments.uniform(0.05, 0.9))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    samples, record = comparable(hit)
    calm_samples, calm_record = comparable(tmp_path / "calm")
    assert samples == calm_samples
    assert record["metrics"] == calm_record["metrics"]
    assert record["ledger"] == calm_record["ledger"]


@pytest.mark.parametrize("torn", ['{"index": 9, "dia', "\x00\x00"])
def test_a_torn_last_line_is_done_again(tmp_path: Path, torn: str) -> None:
    evaluate("user_multiturn", "slow", "toy", output=tmp_path / "calm")
    evaluate("user_multiturn", "slow", "toy", output=tmp_path / "torn")
    whole = (tmp_path / "torn" / "samples.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "torn" / "samples.jsonl").write_text("".join(whole[:6]) + torn)
    evaluate("user_multiturn", "slow", "toy", output=tmp_path / "torn", resume=True)
    assert comparable(tmp_path / "torn")[0] == comparable(tmp_path / "calm")[0]


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    evaluate("user_multiturn", "oracle", "toy", output=tmp_path / "run")
    with pytest.raises(RunError, match="--resume"):
        evaluate("user_multiturn", "oracle", "toy", output=tmp_path / "run")


@pytest.mark.parametrize("change", [{"seed": 1}, {"limit": 3}, {"settings": {"decide": "generate"}}])
def test_another_configuration_is_not_resumed(tmp_path: Path, change: dict[str, object]) -> None:
    evaluate("user_multiturn", "likes-dune", "toy", output=tmp_path / "run")
    with pytest.raises(RunError, match="differs in"):
        evaluate("user_multiturn", "likes-dune", "toy", output=tmp_path / "run", resume=True, **change)  # type: ignore[arg-type]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="no run directory"):
        evaluate("user_multiturn", "oracle", "toy", output=tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_run_killed_before_its_record_was_in_place_goes_on(tmp_path: Path) -> None:
    (tmp_path / "run.json.draft").write_text('{"schema": 1, "sta')
    assert evaluate("user_multiturn", "oracle", "toy", output=tmp_path, resume=True).complete


def test_samples_without_a_record_are_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text("")
    with pytest.raises(RunError, match="no run directory"):
        evaluate("user_multiturn", "oracle", "toy", output=tmp_path, resume=True)


def test_a_folder_that_is_taken_is_found_before_the_model_is_built(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="no run directory"):
        evaluate("user_multiturn", "usersim-qwen8b", "toy", output=tmp_path)


@pytest.mark.parametrize("damage", ['{"schema": 1}', '{"schema": 1, "status": "complete", "task": 3}'])
def test_a_damaged_record_is_an_error_that_says_so(tmp_path: Path, damage: str) -> None:
    (tmp_path / "run.json").write_text(damage)
    with pytest.raises(RunError, match="no record of a run, or was damaged"):
        Run.load(tmp_path)


def test_the_command_holds_the_plugins(tmp_path: Path, toy: Path) -> None:
    run = evaluate("user_multiturn", "oracle", "toy", output=tmp_path / "run")
    assert f"--plugin {toy}" in str(run.record.command)


def test_a_seed_below_zero_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seed must be at least 0"):
        evaluate("user_multiturn", "oracle", "toy", seed=-1, output=tmp_path / "run")


def test_a_loader_must_return_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "listed.py").write_text(
        "from interplay_bench.datasets.dataset_entry import dataset\n"
        "@dataset('listed')\ndef load(source):\n    'L.'\n    return []\n"
    )
    load_plugin(tmp_path / "listed.py")
    with pytest.raises(DataError, match="returns a list, where a DialogueSet is needed"):
        evaluate("user_multiturn", "oracle", "listed", output=tmp_path / "run")


def test_a_broken_train_split_is_no_missing_one(tmp_path: Path) -> None:
    record = {"conversationId": "1", "initiatorWorkerId": 1, "movieMentions": {}, "initiatorQuestions": {}}
    record["messages"] = [{"senderWorkerId": 1, "text": "hi"}]
    (tmp_path / "test_data.jsonl").write_text(json.dumps(record))
    test = load_dataset("redial", str(tmp_path))
    assert item_catalog(test, str(tmp_path)).popularity is None
    (tmp_path / "train_data.jsonl").write_text("{")
    with pytest.raises(DataError, match=r"Line 1 of .*train_data"):
        _ = item_catalog(test, str(tmp_path)).popularity


def test_a_model_that_does_not_speak_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not speak"):
        evaluate("user_singleturn", "accept-first", "toy", output=tmp_path / "run")


def test_an_empty_data_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no dialogues"):
        evaluate("user_multiturn", "oracle", "toy", data="0", output=tmp_path / "run")


def test_ten_thousand_dialogues_cost_the_harness_little(tmp_path: Path) -> None:
    run = evaluate("user_multiturn", "accept-at:2", "toy", data="10000", output=tmp_path / "run")
    assert sum(run.ledger.outcomes.values()) == 10_000


class Counting(UserSimulator):
    """Takes everything, and counts what it was asked."""

    window = 2

    def __init__(self) -> None:
        self.asked: list[int] = []

    def decide(self, views: Sequence[View]) -> list[Decision]:
        self.asked.append(len(views))
        return [Decision(Verdict.ACCEPT)] * len(views)


def test_a_resumed_run_asks_for_nothing_twice(tmp_path: Path) -> None:
    evaluate("user_multiturn", Counting(), "toy", data="10", output=tmp_path / "run")
    lines = (tmp_path / "run" / "samples.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run" / "samples.jsonl").write_text("".join(lines[:6]))
    model = Counting()
    run = evaluate("user_multiturn", model, "toy", data="10", output=tmp_path / "run", resume=True)
    assert len(model.asked) == 1
    assert "".join(lines) == (tmp_path / "run" / "samples.jsonl").read_text()
    assert run.record.timing is not None
    assert run.record.timing.dialogues == 4


def test_each_of_several_processes_takes_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate("user_multiturn", Counting(), "toy", data="8", output=tmp_path / "run")
    (tmp_path / "run" / "samples.jsonl").write_text("")
    monkeypatch.setattr(Processes, "here", classmethod(lambda cls: cls(1, 2, 1)))
    monkeypatch.setattr(Processes, "wait", lambda self: None)
    evaluate("user_multiturn", Counting(), "toy", data="8", output=tmp_path / "run", resume=True)
    own = (tmp_path / "run" / "samples-001.jsonl").read_text().splitlines()
    assert [json.loads(line)["index"] for line in own] == [2, 3, 6, 7]
