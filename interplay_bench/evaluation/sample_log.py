"""A run's ``samples.jsonl``: one line per dialogue, appended and flushed, whole again after any interruption.

Dialogues are worked on in windows of a fixed size, cut at fixed places, so that a resumed run forms the same batches
as an undisturbed one. With several processes, each appends to a file of its own; they are merged when all are done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import RunError
from interplay_bench.environment.validation import validated
from interplay_bench.evaluation.sample import Sample

MERGED = "samples.jsonl"


def windows(total: int, size: int) -> list[range]:
    """Cut ``total`` dialogues into ranges of ``size`` (the last may be shorter)."""
    return [range(start, min(start + size, total)) for start in range(0, total, size)]


class SampleLog:
    """The samples of one run directory, as process ``rank`` of ``world`` writes them."""

    def __init__(self, folder: Path, rank: int = 0, world: int = 1) -> None:
        self.folder = folder
        self.path = folder / (MERGED if world == 1 else f"samples-{rank:03d}.jsonl")

    def recover(self, plan: Sequence[range]) -> set[int]:
        """Keep the whole windows of ``plan`` that an earlier attempt finished, drop torn lines and half windows.

        Returns the indices of the dialogues that are done. Only one process may call this, before any appends.
        """
        lines = {index: line for path in self._files() for index, line in _lines(path)}
        done = {index for window in plan if all(i in lines for i in window) for index in window}
        self._replace((index, lines[index]) for index in sorted(done))
        return done

    def done(self) -> set[int]:
        """The indices of the dialogues in the merged file."""
        return {index for index, _ in _lines(self.folder / MERGED)}

    def append(self, indices: Iterable[int], samples: Iterable[Sample]) -> None:
        """Write each sample as a line of its own, and hand each to the operating system at once."""
        with self.path.open("a", encoding="utf-8") as file:
            for index, sample in zip(indices, samples, strict=True):
                file.write(canonical({"index": index, **sample.to_json()}) + "\n")
                file.flush()

    def merge(self) -> None:
        """Put all processes' lines into one file, in the order of the dialogues."""
        lines = {index: line for path in self._files() for index, line in _lines(path)}
        self._replace(sorted(lines.items()))

    def gather(self, folders: Iterable[Path]) -> None:
        """Put the lines of other runs' folders into this one's, in the order of the dialogues."""
        lines = {index: line for folder in folders for index, line in _lines(folder / MERGED)}
        self._replace(sorted(lines.items()))

    def _replace(self, lines: Iterable[tuple[int, str]]) -> None:
        write_file(self.folder / MERGED, "".join(line for _, line in lines))
        for path in self._files():
            if path.name != MERGED:
                path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("samples*.jsonl"))


def read_samples(folder: Path) -> list[Sample]:
    """Read the samples of a run directory, in the order of the dialogues."""
    path = folder / MERGED
    if not path.is_file():
        raise RunError(f"No {MERGED} in {folder}: this is no run directory, or its run has not begun.")
    return [_sample(json.loads(line), path) for _, line in sorted(_lines(path))]


def _sample(data: dict[str, Any], path: Path) -> Sample:
    where = f"{path}: dialogue {data['index']}"
    try:
        parts = {name: data[name] for name in Sample.__slots__}
        return validated(Sample, parts, where, error=RunError)
    except KeyError as error:
        raise RunError(f"{where} has no {error}. Start the run anew elsewhere.") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The whole lines of a file with their dialogue's index; a torn last line (SIGKILL) is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.endswith("\n"):
                try:
                    yield int(json.loads(line)["index"]), line
                except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                    raise RunError(f"{path} has a broken line: {line[:60]!r}. Start the run anew elsewhere.") from None
