"""What a validation finds: figures in rows and columns, and the tables that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interplay_bench.metrics.score import Score
from interplay_bench.reports.run_tables import RunTable
from interplay_bench.reports.score_text import cell

COUNT = "count"
"""How the signature of a plain number of things begins."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: what it says (``column``) of what (``row``)."""

    row: str
    column: str
    score: Score


@dataclass(frozen=True, slots=True)
class ValidityTable:
    """Figures that belong together; ``corner``: what the rows are."""

    title: str
    corner: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    def rendered(self) -> RunTable:
        """A row each, in order of appearance; a dash where there is no figure."""
        cells = {(figure.row, figure.column): _cell(figure.score) for figure in self.figures}
        rows, columns = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True)) if cells else ([], [])
        body = tuple((row, *(cells.get((row, column), "-") for column in columns)) for row in rows)
        return RunTable(self.title, (self.corner, *columns), body, self.notes)

    def long(self) -> list[dict[str, Any]]:
        """A row for each figure, with all that its score says."""
        return [
            {"table": self.title, "row": figure.row, "figure": figure.column}
            | {key: value for key, value in figure.score.to_json().items() if key != "name"}
            for figure in self.figures
        ]


def counted(name: str, count: int) -> Score:
    """A number of things, as a figure: it has no interval."""
    return Score(name, float(count), count, f"{COUNT}|of:{name}")


def _cell(score: Score) -> str:
    return str(score.n) if score.signature.startswith(f"{COUNT}|") else cell(score)


def long_rows(tables: Sequence[ValidityTable]) -> list[dict[str, Any]]:
    """All figures of all tables."""
    return [row for table in tables for row in table.long()]
