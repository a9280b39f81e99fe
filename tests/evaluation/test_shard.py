"""A run in shards: put together, it is the run that was never shared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from interplay_bench.environment.errors import InterplayError, RunError, UsageError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.merge import merge
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.shard import Shard
from interplay_bench.plugins.plugin_file import load_plugin

Cli = Callable[..., CompletedProcess[str]]


@pytest.fixture
def shards(toy: Path, tmp_path: Path) -> list[Path]:
    """A run of 18 dialogues in windows of four, in three shards."""
    load_plugin(toy)
    return [run(tmp_path / f"part{n}", Shard(n, 3)).folder for n in (1, 2, 3)]


def run(folder: Path, shard: Shard | None = None, *, seed: int = 0, resume: bool = False) -> Run:
    return evaluate("user_multiturn", "slow", "toy", data="18", seed=seed, output=folder, shard=shard, resume=resume)


def test_merged_it_is_the_whole_run(shards: list[Path], tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    merged = merge(shards[::-1], tmp_path / "merged")
    assert (merged.folder / "samples.jsonl").read_bytes() == (whole.folder / "samples.jsonl").read_bytes()
    assert merged.scores == whole.scores
    assert merged.ledger == whole.ledger
    assert merged.complete
    assert merged.record.command == whole.record.command
    assert run(tmp_path / "merged", resume=True).scores == whole.scores


def test_a_shard_has_its_share_alone_and_no_scores(shards: list[Path]) -> None:
    counts = [len(Run.load(folder).samples) for folder in shards]
    assert counts == [8, 6, 4]
    assert not Run.load(shards[0]).scores
    with pytest.raises(RunError, match=r"holds the share 1/3 of a run: interplay-bench merge"):
        _ = Run.load(shards[0]).ledger


def test_a_shard_is_resumed_as_itself(shards: list[Path]) -> None:
    log = shards[1] / "samples.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    record = json.loads((shards[1] / "run.json").read_text())
    (shards[1] / "run.json").write_text(json.dumps(record | {"status": "running"}))
    with pytest.raises(
        RunError, match=r"2/3 in .* is not finished: resume it with --shard 2/3 --output .*part2 --resume"
    ):
        merge(shards)
    with pytest.raises(RunError, match=r"differs in shard \(2/3, now 3/3\)"):
        run(shards[1], Shard(3, 3), resume=True)
    with pytest.raises(RunError, match=r"differs in shard \(2/3, now none\)"):
        run(shards[1], resume=True)
    run(shards[1], Shard(2, 3), resume=True)
    assert log.read_bytes() == whole


def test_what_makes_no_run_is_refused(shards: list[Path], tmp_path: Path) -> None:
    whole = run(tmp_path / "whole").folder
    other = run(tmp_path / "other", Shard(3, 3), seed=1).folder
    quarter = run(tmp_path / "quarter", Shard(4, 4)).folder
    shutil.copytree(shards[0], tmp_path / "copy")
    for given, said in [
        (shards[:2], r"Shards are missing: 3/3\. Name the directories of all 3"),
        ([*shards, tmp_path / "copy"], r"1/3 is there twice: .*part1 and .*copy"),
        ([*shards[:2], other], r"hold different runs: they differ in seed"),
        ([*shards[:2], quarter], r"cut into 3 and 4"),
        ([*shards, whole], r"whole holds no shard of a run"),
        ([tmp_path], r"no run directory"),
    ]:
        with pytest.raises(InterplayError, match=said):
            merge(given, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "a/b", "1/2/3", "-1/2", "１/２"])
def test_what_is_no_shard_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="--shard takes I/N"):
        Shard.parse(text)


@pytest.mark.slow
def test_on_the_command_line(cli: Cli, toy: Path, tmp_path: Path) -> None:
    common = ["--plugin", toy, "--dataset", "toy", "--task", "user_multiturn"]
    for n in (1, 2):
        done = cli("run", *common, "--model", "slow", "--shard", f"{n}/2", "--output", f"part{n}")
        assert done.returncode == 0, done.stderr
        assert "interplay-bench merge" in done.stdout
    merged = cli("merge", "part1", "part2", "--output", "merged", "--plugin", toy)
    assert merged.returncode == 0, merged.stderr
    assert "slow" in merged.stdout
    assert Run.load(tmp_path / "merged").complete
    many = cli("run", *common, "--model", "slow,likes-dune", "--shard", "1/2")
    assert many.returncode == 2
    assert "one task and one model" in many.stderr
