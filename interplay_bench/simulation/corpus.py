"""A simulated corpus on disk: ``dialogues.jsonl``, one dialogue a line in the project's own schema.

Each line is a dialogue's record (:func:`dialogue_record`) with three more keys: ``notes``
(one object per turn), ``agreement`` and ``floor`` (see :class:`~interplay_bench.simulation.episode.Episode`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import DataError
from interplay_bench.simulation.episode import End, Episode

FILE = "dialogues.jsonl"
LEFT_OUT = (End.BROKEN, End.BACKEND_ERROR)
"""How a dialogue may have ended that nobody should learn from."""


def write_corpus(folder: Path, episodes: Iterable[Episode]) -> Path:
    """Write the corpus in one step, so that a reader never sees half of it."""
    path = folder / FILE
    write_file(path, "".join(canonical(episode.to_json()) + "\n" for episode in episodes))
    return path


def read_corpus(path: Path) -> list[Episode]:
    """Read ``dialogues.jsonl``, or the one in a folder; a broken line is a :class:`DataError` with its number."""
    file = path / FILE if path.is_dir() else path
    try:
        with file.open(encoding="utf-8") as text:  # not splitlines(), which also cuts at U+0085 and U+2028
            lines = text.readlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}.") from None
    return [_episode(line, f"line {number} of {file}") for number, line in enumerate(lines, start=1)]


def _episode(line: str, where: str) -> Episode:
    try:
        return Episode.from_json(json.loads(line))
    except (DataError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{where} is no simulated dialogue ({type(error).__name__}: {error}).") from None
