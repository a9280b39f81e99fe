"""BERTScore has a scale for each encoder: where a board has two, each column says which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from interplay_bench.leaderboard.paper import Paper
from interplay_bench.leaderboard.table import Column, Table

METRIC, ENCODER = "BERTScore", "model:"


def with_scales(tables: Sequence[Table], paper: Paper) -> list[Table]:
    """The tables, their columns of BERTScore headed by the encoder if there is more than one."""
    columns = (column for layout in paper.tables for span in layout.spans for column in span.columns)
    printed = {_encoder(column.requires) for column in columns if column.metric == METRIC} - {""}
    measured = {_of(column) for table in tables for column in table.columns} - {""}
    if len(printed | measured) < 2:
        return list(tables)
    only = next(iter(printed)) if len(printed) == 1 else ""
    return [_headed(table, only) for table in tables]


def _headed(table: Table, printed: str) -> Table:
    def headed(column: Column) -> Column:
        encoder = _of(column) or (printed if column.metric == METRIC and table.printed else "")
        return replace(column, label=f"{column.label} ({encoder})") if encoder else column

    spans = tuple(replace(span, columns=tuple(map(headed, span.columns))) for span in table.spans)
    return replace(table, spans=spans)


def _of(column: Column) -> str:
    """The encoder of a measured column of BERTScore; empty for any other."""
    return _encoder((column.signature or "").split("|")) if column.metric == METRIC else ""


def _encoder(parts: Iterable[str]) -> str:
    """The encoder's name without its owner."""
    return next((part.removeprefix(ENCODER).rpartition("/")[2] for part in parts if part.startswith(ENCODER)), "")
