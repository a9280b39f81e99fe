"""Samples that were damaged: one line in each command that reads them, never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.cli.main import main

STORED = Path(__file__).parent / "version_1"
JUNK: list[Any] = [None, True, 3, "0.5", [], ["a"], {}, [[1]], {"turn": [1]}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each part of a JSON value stands, of a list the first alone."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def damage(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The same value with ``junk`` at ``path``."""
    if not path:
        return junk
    copy = value.copy()
    copy[path[0]] = damage(value[path[0]], path[1:], junk)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("run", ["replay", "simulation"])
def test_damaged_samples_are_one_line(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = STORED / run
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    first, *others = (whole / "samples.jsonl").read_text().splitlines()
    sample = json.loads(first)
    refused = 0
    for number, place in enumerate(places(sample)):
        junk = JUNK[number % len(JUNK)]
        damaged = json.dumps(damage(sample, place, junk))
        (folder / "samples.jsonl").write_text("\n".join([damaged, *others]) + "\n")
        for command in (["show", str(folder)], ["compare", str(folder), str(whole)]):
            code = main(command)
            said = capsys.readouterr().err
            assert "Add --debug" not in said, (command[0], place, junk, said)
            assert said.count("\n") == (code != 0), said
            refused += code != 0
    assert refused > 10


@pytest.mark.slow
def test_a_resumed_run_whose_samples_were_damaged_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--task", "user_multiturn", "--model", "accept-at:1", "--limit", "2", "--dataset", "sample"]
    command += ["--output", str(tmp_path / "run")]
    assert main(command) == 0
    samples = tmp_path / "run" / "samples.jsonl"
    damaged = [json.loads(line) for line in samples.read_text().splitlines()]
    damaged[0]["detail"] = dict.fromkeys(damaged[0]["detail"], 3)
    samples.write_text("".join(json.dumps(sample) + "\n" for sample in damaged))
    capsys.readouterr()
    assert main([*command, "--resume"]) == 2
    said = capsys.readouterr().err
    assert "samples.jsonl holds what its task cannot read" in said
    assert said.count("\n") == 1
