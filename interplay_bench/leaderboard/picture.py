"""The measured tables as one picture, ``picture.svg``: values with their intervals drawn beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.page import environment
from interplay_bench.leaderboard.table import Column, Row, Table

WIDTH, LEFT, ROW, VALUE, GAP = 960, 190, 26, 54, 14
TABLES, ROWS = 8, 20
"""More is not drawn: a picture is to be read."""


@dataclass(frozen=True, slots=True)
class Point:
    """A cell as drawn: its text, and where its value and interval lie."""

    cell: Cell
    text_x: float
    x: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row as drawn."""

    row: Row
    y: float
    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A table as drawn. ``hidden``: how many of its rows are not."""

    table: Table
    y: float
    heads: tuple[tuple[float, Column], ...]
    lines: tuple[Line, ...]
    hidden: int

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + 58 + ROW * len(self.lines)


def render(board: Board) -> str:
    """The picture; without measured tables, the paper's."""
    measured = [table for table in board.tables if any(row.sources for row in table.rows)]
    panels: list[Panel] = []
    for table in (measured or list(board.tables))[:TABLES]:
        panels.append(_panel(table, panels[-1].bottom + 20 if panels else 0.0))
    height = panels[-1].bottom + 34 if panels else 40
    text = environment().get_template("picture.svg.j2").render(panels=panels, width=WIDTH, height=height, row=ROW)
    return text.strip() + "\n"


def _panel(table: Table, y: float) -> Panel:
    width = (WIDTH - LEFT) / max(1, len(table.columns))
    shown = table.rows[:ROWS]
    ranges = [_range(cells) for cells in zip(*(_flat(row) for row in shown), strict=True)]
    lines = tuple(
        Line(
            row,
            y + 58 + ROW * (place + 0.5),
            row.model if len(row.model) <= 23 else f"{row.model[:22]}…",
            tuple(_points(_flat(row), ranges, width)),
        )
        for place, row in enumerate(shown)
    )
    heads = tuple((round(LEFT + width * index + VALUE, 2), column) for index, column in enumerate(table.columns))
    return Panel(table, y, heads, lines, len(table.rows) - len(shown))


def _flat(row: Row) -> list[Cell | None]:
    return [cell for half in row.cells for cell in half]


def _range(cells: tuple[Cell | None, ...]) -> tuple[float, float]:
    ends = [e for cell in cells if cell for e in (cell.value, cell.low, cell.high) if e is not None]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _points(cells: list[Cell | None], ranges: list[tuple[float, float]], width: float) -> Iterator[Point]:
    for index, (cell, (low, high)) in enumerate(zip(cells, ranges, strict=True)):
        if cell is None:
            continue
        start = LEFT + width * index + VALUE + GAP
        room = width - VALUE - 2 * GAP
        drawn = [
            None if end is None else round(start + room * ((end - low) / (high - low) if high > low else 0.5), 2)
            for end in (cell.value, cell.low, cell.high)
        ]
        if drawn[0] is not None:
            yield Point(cell, round(LEFT + width * index + VALUE, 2), drawn[0], drawn[1], drawn[2])
