"""Forest plots: where everything goes. A template turns the geometry into SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.table import Column, Row, Table

WIDTH, LEFT, RIGHT, ROW, TOP, BOTTOM = 380, 132, 56, 22, 8, 26
SHOWN = 40
"""More rows than this are not drawn: a plot is to be read."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: its label, its point, and its interval's ends (``None`` where it has none)."""

    y: float
    x: float
    low: float | None
    high: float | None
    label: str
    full: str
    value: str
    interval: str
    kind: str
    best: bool
    row: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the plot, and what it says."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Forest:
    """A metric's plot. ``hidden``: how many rows are left out."""

    column: Column
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    hidden: int
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP

    @property
    def bottom(self) -> int:
        """Where the axis lies."""
        return TOP + ROW * len(self.marks)

    @property
    def height(self) -> int:
        """Of the whole picture."""
        return self.bottom + BOTTOM


def forests(table: Table) -> list[Forest]:
    """A plot for each column that has a value."""
    rows = {id(row): number for number, row in enumerate(table.rows)}
    return [_forest(column, [(rows[id(r)], r, c) for r, c in found]) for column, found in table.plots() if found]


def _forest(column: Column, found: Sequence[tuple[int, Row, Cell]]) -> Forest:
    shown = found[:SHOWN]
    if len(found) > SHOWN:
        few = SHOWN // 4
        rest = [entry for entry in found if not entry[1].contends]
        shown = [entry for entry in found if entry[1].contends][: SHOWN - min(few, len(rest))] + rest[:few]
    ends = [end for _, _, cell in shown for end in (cell.value, cell.low, cell.high) if end is not None]
    ticks = _ticks(min(ends), max(ends))
    low, high = ticks[0], ticks[-1]

    def across(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (WIDTH - RIGHT - LEFT), 2)

    marks = [
        Mark(
            y=TOP + ROW * (place + 0.5),
            x=across(cell.value),
            low=None if cell.low is None or cell.high is None else across(cell.low),
            high=None if cell.low is None or cell.high is None else across(cell.high),
            label=row.model if len(row.model) <= 20 else f"{row.model[:19]}…",
            full=", ".join((row.model, *row.tags)),
            value=cell.text,
            interval=cell.interval,
            kind=row.kind,
            best=cell.best,
            row=number,
        )
        for place, (number, row, cell) in enumerate(shown)
    ]
    step = ticks[1] - ticks[0]
    lines = tuple(Tick(across(tick), _number(tick, step)) for tick in ticks)
    return Forest(column, lines, tuple(marks), len(found) - len(shown))


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers around the range."""
    reach = high - low or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(reach / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if reach / (power * factor) <= 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * k for k in range(first, max(last, first + 1) + 1)]


def _number(value: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    decimals += round(step * 10**decimals, 6) != int(step * 10**decimals + 1e-9)
    return f"{value:.{decimals}f}"
