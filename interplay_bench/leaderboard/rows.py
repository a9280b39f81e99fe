"""A table's rows: records of the same model side by side, in the order in which they are shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from itertools import zip_longest

from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.result_record import ResultRecord
from interplay_bench.leaderboard.table import Column, Row, Span


def rows_of(spans: Sequence[Span], blocks: Sequence[Sequence[ResultRecord]]) -> Iterator[Row]:
    """A row per model, its records of all spans side by side; a model that was run twice has two."""
    models: dict[str, list[list[ResultRecord]]] = {}
    for index, block in enumerate(blocks):
        for record in block:
            models.setdefault(record.identity, [[] for _ in blocks])[index].append(record)
    varied = _varied(blocks)
    rows = [_row(spans, records, varied) for found in models.values() for records in zip_longest(*found)]
    seen = Counter((row.model, row.tags) for row in rows)
    for row in rows:
        yield row if seen[row.model, row.tags] == 1 else replace(row, tags=(*row.tags, *_apart(row.sources[0])))


def _varied(blocks: Sequence[Sequence[ResultRecord]]) -> set[str]:
    """The settings that tell rows apart: those of engines, and options that not all of a task's records share."""
    settings = {key for block in blocks for record in block for key in record.run.request.settings}
    return {
        key
        for key in settings
        if "." in key or any(len({str(r.run.task.options.get(key)) for r in block}) > 1 for block in blocks)
    }


def _row(spans: Sequence[Span], records: Sequence[ResultRecord | None], varied: Set[str]) -> Row:
    known = [record for record in records if record is not None]
    cells = tuple(_cells(span, record) for span, record in zip(spans, records, strict=True))
    n = tuple(next((cell.n for cell in half if cell), None) for half in cells)
    first = known[0]
    settings = (f"{k}={v}" for r in known for k, v in r.run.request.settings.items() if k in varied)
    tags = [f"seed {first.seed}"] if first.seed else []
    tags += dict.fromkeys([*settings, *(record.state for record in known if record.state)])
    return Row(first.model, "measured", cells, n, tuple(records), first.control, first.told, tuple(tags))


def _cells(span: Span, record: ResultRecord | None) -> tuple[Cell | None, ...]:
    if record is None:
        return (None,) * len(span.columns)
    scores = (record.scores.get(column.metric) for column in span.columns)
    return tuple(
        Cell.of(score) if score and score.signature == column.signature else None
        for score, column in zip(scores, span.columns, strict=True)
    )


def _apart(record: ResultRecord) -> tuple[str, ...]:
    """What tells a record from another of the same name: the version, and the end of its file's name."""
    return f"v{record.run.versions.get('interplay-bench', '?')}", record.file.removesuffix(".json")[-8:]


def place(spans: Sequence[Span], row: Row) -> tuple[object, ...]:
    """Models before controls before oracles; the best first by the first column that has a direction."""
    rank = 2 if row.told else 1 if row.control else 0
    value = 0.0 if rank else merit(spans, row)
    return rank, value, _natural(row.model), row.tags, [record.file for record in row.sources]


def merit(spans: Sequence[Span], row: Row) -> float:
    """The smaller the better, by the first column that has a direction; infinite without a value."""
    pairs = ((c, cell) for span, half in zip(spans, row.cells, strict=True) for c, cell in _zip(span, half))
    column, cell = next(((c, cell) for c, cell in pairs if c.direction), (None, None))
    better = 1 if column and column.direction == "lower" else -1
    return better * cell.value if cell else float("inf")


def _zip(span: Span, half: Sequence[Cell | None]) -> Iterator[tuple[Column, Cell | None]]:
    return zip(span.columns, half, strict=True)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which ``accept-at:10`` comes after ``accept-at:9``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
