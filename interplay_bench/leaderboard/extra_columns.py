"""What was measured beyond the paper's columns: a table of its own, after the one that has the paper's layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from interplay_bench.leaderboard.paper import PaperTable
from interplay_bench.leaderboard.table import Places, Table


def split_extra_columns(layout: PaperTable, table: Table) -> Iterator[Table]:
    """The table with exactly the paper's columns; then, if there are any, one with the other columns.

    The second has the rows of the first in the same order, but no row and no column that is empty in it.
    """
    paper = {(span.task, column.metric) for span in layout.spans for column in span.columns}
    own: Places = [
        [c for c, column in enumerate(span.columns) if (span.task, column.metric) in paper] for span in table.spans
    ]
    other: Places = [
        [c for c in range(len(span.columns)) if c not in own[s] and any(row.cells[s][c] for row in table.rows)]
        for s, span in enumerate(table.spans)
    ]
    yield replace(table.only(own), scope="paper")
    if any(other):
        rest = table.only(other)
        rows = tuple(row for row in rest.rows if any(cell for half in row.cells for cell in half))
        yield replace(rest, rows=rows, notes=(), scope="beyond")
