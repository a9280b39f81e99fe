"""The measured tables as one picture, ``picture.svg``: under each value its interval, on its column's scale.

Those with the paper's layout alone: what is wider could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.board_page import environment
from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.table import Column, Row, Table

WIDTH, LEFT, HEAD, ROW, GAP = 960, 200, 58, 38, 18
TABLES, ROWS = 6, 16
"""More is not drawn: a picture is to be read."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A column's place on the page, and the values at its ends."""

    column: Column
    x: float
    end: float
    low: float
    high: float

    def across(self, value: float) -> float:
        """Where ``value`` lies."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.x + share * (self.end - self.x), 2)


@dataclass(frozen=True, slots=True)
class PicturePoint:
    """A cell as drawn on its scale: its value, and its interval's ends."""

    scale: Scale
    cell: Cell
    x: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row as drawn."""

    row: Row
    y: float
    label: str
    points: tuple[PicturePoint, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A table as drawn. ``hidden``: how many of its rows are not."""

    table: Table
    y: float
    scales: tuple[Scale, ...]
    lines: tuple[Line, ...]
    hidden: int

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + HEAD + ROW * len(self.lines)


def render(board: Board) -> str:
    """The picture; without measured tables, the paper's, and without the paper, all."""
    layouts = [table for table in board.tables if table.scope == "paper"]
    measured = [table for table in layouts if any(row.sources for row in table.rows)]
    panels: list[Panel] = []
    for table in (measured or layouts or list(board.tables))[:TABLES]:
        panels.append(_panel(table, panels[-1].bottom + 22 if panels else 0.0))
    height = panels[-1].bottom + 40 if panels else 40
    text = environment().get_template("picture.svg.j2").render(panels=panels, width=WIDTH, height=height)
    return text.strip() + "\n"


def _panel(table: Table, y: float) -> Panel:
    shown = table.rows[:ROWS]
    columns = zip(*(_flat(row) for row in shown), strict=True)
    width = (WIDTH - LEFT - 12) / max(1, len(table.columns))
    scales = tuple(
        _scale(column, cells, LEFT + width * index, width)
        for index, (column, cells) in enumerate(zip(table.columns, columns, strict=True))
    )
    lines = tuple(
        Line(row, y + HEAD + ROW * place, _short(row.model), tuple(_points(_flat(row), scales)))
        for place, row in enumerate(shown)
    )
    return Panel(table, y, scales, lines, len(table.rows) - len(shown))


def _flat(row: Row) -> list[Cell | None]:
    return [cell for half in row.cells for cell in half]


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _scale(column: Column, cells: Sequence[Cell | None], x: float, width: float) -> Scale:
    ends = [end for cell in cells if cell for end in (cell.value, cell.low, cell.high) if end is not None]
    return Scale(column, round(x, 2), round(x + width - GAP, 2), min(ends, default=0.0), max(ends, default=1.0))


def _points(cells: Sequence[Cell | None], scales: Sequence[Scale]) -> Iterator[PicturePoint]:
    for cell, scale in zip(cells, scales, strict=True):
        if cell is not None:
            ends = (None if end is None else scale.across(end) for end in (cell.low, cell.high))
            yield PicturePoint(scale, cell, scale.across(cell.value), *ends)
