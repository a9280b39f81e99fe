"""A simulation's directory: checked before weights are read, and after any interruption found to be the same one's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.dataset import canonical
from interplay_bench.errors import RunError, UsageError
from interplay_bench.run import DRAFT, RECORD, read_record
from interplay_bench.runner import IDENTITY, fresh


def check(output: Path | None, resume: bool) -> None:
    """Raise where nothing could be kept; an existing simulation only goes on when asked to."""
    if output is None:
        if resume:
            raise UsageError("--resume needs --output: the directory of the simulation to go on with.")
    elif (output / RECORD).is_file():
        if not resume:
            raise RunError(f"{output} already holds a run. Add --resume to go on with it, or choose another --output.")
    elif output.exists() and _foreign(output):
        raise RunError(f"{output} exists and is no run directory. Choose another --output.")


def place(record: Mapping[str, Any], output: Path | None) -> Path:
    """The directory, made, or found to hold the same simulation."""
    if output is None:
        return fresh(f"{record['dataset']['name']}-{record['model']['name']}-{record['recommender']['name']}")
    if (output / RECORD).is_file():
        _same(read_record(output), record, output)
    output.mkdir(parents=True, exist_ok=True)
    return output


def _foreign(folder: Path) -> bool:
    """Whether there is anything but the draft of a record, which a run killed at its very start leaves."""
    return not folder.is_dir() or any(file.name != DRAFT for file in folder.iterdir())


def _same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    # What was read from JSON has lists where this process has tuples: both are compared as JSON.
    parts = (*IDENTITY, "recommender")
    different = [part for part in parts if canonical(before.get(part, {})) != canonical(now[part])]
    different += [key for key in ("seed", "limit") if before["request"].get(key) != now["request"][key]]
    if different:
        raise RunError(f"{folder} holds a run that differs in {', '.join(different)}: it cannot be gone on with.")
