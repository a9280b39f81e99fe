"""Which values are set in bold: the best of each column, by its metric's declared direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.table import Column, Row, Table


def mark_best(table: Table) -> Table:
    """Mark each column's best value among the rows that contend, paper and measured alike.

    Values that are equal as shown share it. A column without a direction (ET, words) has no best, nor has one in which
    all that contend are equal.
    """
    best = [
        [_best(column, table.rows, s, c) for c, column in enumerate(span.columns)] for s, span in enumerate(table.spans)
    ]
    return replace(table, rows=tuple(_marked(row, best) if row.contends else row for row in table.rows))


def _best(column: Column, rows: Sequence[Row], s: int, c: int) -> str | None:
    cells = [cell for row in rows if row.contends and (cell := row.cells[s][c])]
    if column.direction is None or len({cell.text for cell in cells}) < 2:
        return None
    choose = max if column.direction == "higher" else min
    return choose(cells, key=lambda cell: cell.value).text


def _marked(row: Row, best: Sequence[Sequence[str | None]]) -> Row:
    cells = tuple(tuple(map(_mark, half, texts)) for half, texts in zip(row.cells, best, strict=True))
    return replace(row, cells=cells)


def _mark(cell: Cell | None, best: str | None) -> Cell | None:
    return replace(cell, best=True) if cell and cell.text == best else cell
