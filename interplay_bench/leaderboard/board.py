"""The leaderboard as a whole: its tables, read from records and from the paper's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from interplay_bench.leaderboard import paper as papers
from interplay_bench.leaderboard import result_record as records
from interplay_bench.leaderboard.board_settings import BoardSettings, read_settings
from interplay_bench.leaderboard.table import Table
from interplay_bench.leaderboard.table_builder import build


@dataclass(frozen=True, slots=True)
class Board:
    """All tables. ``citation``: of the paper. ``results``: where the records lie, seen from the rendered files."""

    tables: tuple[Table, ...]
    citation: str
    results: str
    settings: BoardSettings


def read(results: Path, output: Path, paper: Path | None) -> Board:
    """Read records, the paper's tables (left out where there is no ``paper``) and the settings beside the results."""
    found = papers.read(paper) if paper else papers.Paper()
    settings = read_settings(results.parent)
    tables = build(settings.shown(records.load_results(results)), found)
    return Board(tuple(tables), found.citation, PurePath(os.path.relpath(results, output)).as_posix(), settings)
