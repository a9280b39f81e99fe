"""From records and the paper to tables: one per task, data and metric signatures; they never mix.

The paper's own tables join two tasks side by side (its Table 1: multi-turn, single-turn); so do ours, model by model,
with exactly its columns. What else the same records hold stands in a second table after it. Within one task and data
set, records whose signatures in the paper's columns differ stand in different tables.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from interplay_bench.leaderboard.best import mark_best
from interplay_bench.leaderboard.extra_columns import split_extra_columns
from interplay_bench.leaderboard.paper import Paper, PaperSpan, PaperTable
from interplay_bench.leaderboard.paper_rows import with_paper
from interplay_bench.leaderboard.result_record import ResultRecord
from interplay_bench.leaderboard.rows import place, rows_of
from interplay_bench.leaderboard.scales import with_scales
from interplay_bench.leaderboard.table import Column, Span, Table

Data = tuple[bool, str, str, int, str]
"""What records of one table share of their data: synthetic, name, split, dialogues, fingerprint."""


def build(records: Sequence[ResultRecord], paper: Paper) -> list[Table]:
    """All tables: the paper's layouts in its order, then other tasks; real data before synthetic."""
    layouts = {span.task: layout for layout in paper.tables for span in layout.spans}
    groups: dict[str, dict[Data, list[ResultRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        layout = layouts.get(record.task)
        groups[layout.family if layout else record.task][_data(record)].append(record)
    tables: list[Table] = []
    for layout in paper.tables:
        found = with_paper(layout, _family(layout.family, groups.pop(layout.family, {}), layout))
        tables += [part for table in found for part in split_extra_columns(layout, table)]
    for family in sorted(groups):
        tables += _family(family, groups[family], None)
    return [mark_best(table) for table in _named(with_scales(tables, paper))]


def _data(record: ResultRecord) -> Data:
    data = record.run.dataset
    return data.synthetic, data.name, data.split, data.dialogues, data.fingerprint


def _family(family: str, by_data: Mapping[Data, Sequence[ResultRecord]], layout: PaperTable | None) -> list[Table]:
    tables = []
    for data in sorted(by_data, key=lambda d: (d[0], d[1], d[2], -d[3], d[4])):
        found = by_data[data]
        spans = layout.spans if layout else (PaperSpan(family, family, ()),)
        halves = [[(span, block) for block in _blocks(span, found)] for span in spans]
        for parts in zip_longest(*halves):
            tables.append(_table(family, layout, data, [part for part in parts if part is not None]))
    return tables


def _blocks(span: PaperSpan, records: Iterable[ResultRecord]) -> list[list[ResultRecord]]:
    """The records of one task by the signatures of its columns; the block with most models first."""
    core = {column.metric for column in span.columns}
    blocks: dict[tuple[str, ...], list[ResultRecord]] = defaultdict(list)
    for record in records:
        if record.task == span.task:
            scores = record.scores.items()
            blocks[tuple(sorted(s.signature for name, s in scores if not core or name in core))].append(record)
    order = sorted(blocks, key=lambda key: (-sum(not r.control and not r.told for r in blocks[key]), key))
    return [blocks[key] for key in order]


def _table(
    family: str, layout: PaperTable | None, data: Data, parts: Sequence[tuple[PaperSpan, Sequence[ResultRecord]]]
) -> Table:
    synthetic, dataset, split, dialogues, fingerprint = data
    spans = tuple(_span(span, block) for span, block in parts)
    limited = any(record.run.request.limit is not None for _, block in parts for record in block)
    return Table(
        slug="",
        family=family,
        title=layout.title if layout else family,
        dataset=dataset,
        split=split,
        dialogues=dialogues,
        limited=limited,
        synthetic=synthetic,
        fingerprint=fingerprint,
        spans=spans,
        rows=tuple(sorted(rows_of(spans, [block for _, block in parts]), key=lambda row: place(spans, row))),
    )


def _span(span: PaperSpan, block: Sequence[ResultRecord]) -> Span:
    """The paper's columns in its order, measured or not; then what else was: a column per metric and signature."""
    core = {column.metric: Column(column.metric, column.label, column.direction, None) for column in span.columns}
    found: dict[tuple[str, str], Column] = {}
    for record in block:
        for name, score in record.scores.items():
            label = core[name].label if name in core else name
            column = Column(name, label, score.direction, score.signature)
            if name in core:
                core[name] = column  # all of a block have the same
            else:
                found.setdefault((name, score.signature), column)
    shared = _shared([record.run.task.options for record in block])
    options = ", ".join(f"{k}={v}" for k, v in shared.items())
    return Span(span.title, span.task, (*core.values(), *found.values()), options)


def _shared(options: Sequence[Mapping[str, object]]) -> dict[str, object]:
    return {k: v for k, v in sorted(options[0].items()) if all(other.get(k) == v for other in options)}


def _named(tables: Iterable[Table]) -> Iterator[Table]:
    """The tables with names for links: ``table-1-redial``, ``...-beyond``, and a number where there are several.

    Of several, the later ones say by which options they were set otherwise than the first.
    """
    seen: dict[str, list[Table]] = defaultdict(list)
    for table in tables:
        beyond = "-beyond" if table.scope == "beyond" else ""
        words = re.sub(r"[^a-z0-9]+", "-", f"{table.family}-{table.dataset}{beyond}".lower()).strip("-")
        seen[words].append(table)
        first, number = seen[words][0], len(seen[words])
        own = ", ".join(option for option in table.options if option not in first.options) if number > 1 else ""
        yield replace(table, slug=words if number == 1 else f"{words}-{number}", setting=own)
