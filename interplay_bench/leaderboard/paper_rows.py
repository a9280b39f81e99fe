"""The paper's rows: beside comparable measurements where there are any, else in a table of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interplay_bench.leaderboard.paper import PaperColumn, PaperTable
from interplay_bench.leaderboard.table import Column, Row, Span, Table

Places = Sequence[Sequence[PaperColumn | None]]
"""Which of the paper's columns stands at each place of a table."""


def with_paper(layout: PaperTable, tables: Sequence[Table]) -> list[Table]:
    """Put the paper's rows beside comparable measurements; where no table takes them whole, add one that does."""
    wanted = sum(len(span.columns) for span in layout.spans)
    places = [_places(layout, table) for table in tables]
    taken = [sum(column is not None for half in place for column in half) for place in places]
    joined = [
        replace(table, rows=(*_rows(layout, place), *table.rows), notes=(layout.note,)) if count else table
        for table, place, count in zip(tables, places, taken, strict=True)
    ]
    return joined if wanted in taken else [_alone(layout), *joined]


def _places(layout: PaperTable, table: Table) -> Places:
    """The paper's columns that are comparable with the table's: same data, and what they require of a signature."""
    same = (table.dataset, table.split, table.dialogues) == (layout.dataset, layout.split, layout.n)
    known = {(span.task, column.metric): column for span in layout.spans for column in span.columns if same}
    return [[_comparable(known.get((span.task, c.metric)), c) for c in span.columns] for span in table.spans]


def _comparable(paper: PaperColumn | None, measured: Column) -> PaperColumn | None:
    return paper if paper and paper.comparable(measured.signature) else None


def _rows(layout: PaperTable, places: Places) -> tuple[Row, ...]:
    rows = []
    for row in layout.rows:
        cells = tuple(tuple(layout.cell(row, column) if column else None for column in half) for half in places)
        n = tuple(next((cell.n for cell in half if cell and cell.n), None) for half in cells)
        rows.append(Row(row.name, "paper", cells, n, (None,) * len(cells)))
    return tuple(rows)


def _alone(layout: PaperTable) -> Table:
    """The paper's table as it stands there."""
    spans = tuple(
        Span(span.title, span.task, tuple(Column(c.metric, c.label, c.direction, None) for c in span.columns))
        for span in layout.spans
    )
    return Table(
        slug="",
        family=layout.family,
        title=layout.title,
        dataset=layout.dataset,
        split=layout.split,
        dialogues=layout.n,
        limited=False,
        synthetic=False,
        fingerprint=None,
        spans=spans,
        rows=_rows(layout, [span.columns for span in layout.spans]),
        notes=(layout.note,),
        printed=f"{layout.kind} {layout.number}",
    )
