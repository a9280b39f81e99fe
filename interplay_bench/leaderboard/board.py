"""The leaderboard as a whole: its tables, read from records and from the paper's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from interplay_bench.leaderboard import paper as papers
from interplay_bench.leaderboard import records
from interplay_bench.leaderboard.table import Table
from interplay_bench.leaderboard.tables import build


@dataclass(frozen=True, slots=True)
class Board:
    """All tables. ``results``: where the records lie, seen from the rendered files."""

    tables: tuple[Table, ...]
    citation: str
    results: str


def read(results: Path, output: Path, paper: Path | None) -> Board:
    """Read records and the paper's tables; the paper is left out where there is no ``paper``."""
    found = papers.read(paper) if paper else papers.Paper()
    tables = build(records.load(results), found)
    return Board(tuple(tables), found.citation, PurePath(os.path.relpath(results, output)).as_posix())
