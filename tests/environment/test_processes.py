"""One run shared by several processes, started by ``accelerate launch``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.environment.cache_home import cache_home
from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.paths import typed_path

Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def launch(toy: Path, tmp_path: Path) -> Launch:
    """Run the toy data set with ``number`` processes into ``folder``."""

    def run(folder: Path, number: int, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "interplay_bench"]
        if number > 1:
            command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(number)]
            command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
            command += ["--main_process_port", "0", "-m", "interplay_bench"]
        command += ["run", "--task", "user_multiturn", "--model", "slow", "--dataset", "toy", "--data", "30"]
        command += ["--plugin", str(toy), "--output", str(folder), "--json", *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path)

    return run


def test_two_processes_give_what_one_gives_and_either_goes_on_with_the_other(launch: Launch, tmp_path: Path) -> None:
    alone = launch(tmp_path / "alone", 1)
    both = launch(tmp_path / "both", 2)
    assert both.returncode == 0, both.stderr[-2000:]
    assert json.loads(both.stdout) == json.loads(alone.stdout)
    whole = (tmp_path / "alone" / "samples.jsonl").read_bytes()
    assert (tmp_path / "both" / "samples.jsonl").read_bytes() == whole
    assert not list((tmp_path / "both").glob("samples-*"))

    # Two processes were killed midway: each left a file of its own, one with half a window and a torn line.
    lines = whole.splitlines(keepends=True)
    (tmp_path / "both" / "samples.jsonl").unlink()
    (tmp_path / "both" / "samples-000.jsonl").write_bytes(b"".join(lines[:4] + lines[8:10]) + b'{"index": 10')
    (tmp_path / "both" / "samples-001.jsonl").write_bytes(b"".join(lines[4:8]))
    resumed = launch(tmp_path / "both", 1, "--resume")
    assert json.loads(resumed.stdout) == json.loads(alone.stdout), resumed.stderr
    assert (tmp_path / "both" / "samples.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2 says"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR is not set"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two' is no number"),
        ({"RANK": "-1"}, "RANK='-1' is no number"),
        ({"RANK": "3"}, "RANK=3 is not below WORLD_SIZE=1"),
        ({"LOCAL_RANK": "9" * 5000}, "is no number"),
    ],
)
def test_what_a_launcher_left_over_is_named(cli: Launch, toy: Path, variables: dict[str, str], words: str) -> None:
    done = cli("run", "--task", "user_multiturn", "--model", "oracle", "--dataset", "toy", "--plugin", toy, "--output",
               "out", env=variables)  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_home_the_cache_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", gone)
    with pytest.raises(UsageError, match="set XDG_CACHE_HOME"):
        cache_home()


def test_a_path_with_a_nul_is_one_line() -> None:
    with pytest.raises(UsageError, match="NUL character"):
        typed_path("a\0b")
