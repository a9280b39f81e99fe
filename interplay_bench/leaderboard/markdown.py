"""The leaderboard as ``README.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from interplay_bench.environment.markdown_text import escaped, flattened
from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.table import Row, Table

LEGEND = """\
Rendered by `interplay-bench leaderboard` from the records in [`{results}`]({results}) and from `paper.toml`; do not
edit. [`index.html`](index.html) has the same tables to sort and filter, with forest plots;
[`leaderboard.json`](leaderboard.json) is for machines, [`tables.tex`](tables.tex) for papers.

- **paper**: printed in {citation}.
  Counts and intervals in *italics* are derived: the one k of k/N that a printed rate can come from, and Wilson's
  interval for it.
- **measured**: a record in this repository, with the command that made it below the table.
  *control*: a simple policy without a trained model, for comparison. *told*: is told the target, as no model may be.
- In brackets: 95% intervals. ↑ higher is better, ↓ lower is better. The best value is **bold**, ties shared, and
  none is where all are equal; controls, and what is told the target, do not compete; ET and words have no better end.
- N: dialogues replayed (multi-turn, recommenders) or replies written (single-turn). Each table holds one data set and
  one signature per metric: nothing in it was measured differently. What the paper's columns leave out stands in a
  second table after them, of the same runs."""


def render(board: Board) -> str:
    """All tables, each with its signatures; the commands once for the tables of the same runs."""
    settings = board.settings
    parts = [f"# {escaped(settings.title)}", escaped(settings.intro)]
    parts += [f"How to cite: {escaped(settings.citation)}"] if settings.citation else []
    parts += [LEGEND.format(results=board.results, citation=escaped(board.citation or "none given"))]
    for table in board.tables:
        parts += _table(board, table)
    return "\n\n".join(parts) + "\n"


def _table(board: Board, table: Table) -> Iterator[str]:
    yield f"## {escaped(table.heading)}"
    yield f"Data: {escaped(table.data)}."
    if table.synthetic:
        yield "> **Synthetic data**: composed for tests and demonstrations. Its numbers say nothing about real users."
    yield "\n".join(_grid(board, table))
    for note in table.notes:
        yield f"*{escaped(note)}*"
    if not table.printed:
        yield _details("Signatures", _signatures(table))
    if not table.printed and table.scope != "beyond":
        yield _details("Commands", _commands(table))


def _grid(board: Board, table: Table) -> Iterator[str]:
    many = len(table.spans) > 1
    heads, aligns = ["Model", "Origin"], [":--", ":--"]
    for span in table.spans:
        heads += [escaped(column.heading) for column in span.columns]
        heads.append(f"N ({escaped(span.title.lower())})" if many else "N")
        aligns += ["--:"] * (len(span.columns) + 1)
    measured = any(row.sources for row in table.rows)
    yield _line([*heads, *(["Record"] if measured else [])])
    yield _line([*aligns, *([":--"] if measured else [])])
    for row in table.rows:
        cells = [_model(row), _origin(row)]
        for half, n in zip(row.cells, row.n, strict=True):
            cells += [_cell(cell) for cell in half]
            cells.append("–" if n is None else f"{n:,}")
        yield _line([*cells, *([_links(board, row)] if measured else [])])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _model(row: Row) -> str:
    tags = f"<br><sub>{escaped(', '.join(row.tags))}</sub>" if row.tags else ""
    return f"{escaped(row.model)}{tags}"


def _origin(row: Row) -> str:
    return {"paper": "*paper*", "measured": "measured", "control": "measured, *control*", "told": "measured, *told*"}[
        row.kind
    ]


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    value = f"**{cell.text}**" if cell.best else cell.text
    below = " ".join(filter(None, (cell.fraction, cell.interval)))
    if not below:
        return value
    return f"{value}<br><sub>{f'*{below}*' if cell.derived else below}</sub>"


def _links(board: Board, row: Row) -> str:
    names = [record.task for record in row.sources]
    return "<br>".join(
        f"[{escaped(name) if len(names) > 1 else 'record'}]({quote(f'{board.results}/{record.file}')})"
        for name, record in zip(names, row.sources, strict=True)
    )


def _signatures(table: Table) -> Iterator[str]:
    yield f"data: {table.fingerprint}"
    for span in table.spans:
        yield f"{span.task}: {span.options}"
        yield from (f"{column.label}: {column.signature}" for column in span.columns if column.signature)


def _commands(table: Table) -> Iterator[str]:
    for row in table.rows:
        for record in row.sources:
            yield f"# {', '.join((row.model, *row.tags))}: {record.made_with}"
            yield record.command


def _details(title: str, lines: Iterator[str]) -> str:
    """A part that folds, with its lines as they are: the fence is longer than any within."""
    text = "\n".join(flattened(line) for line in lines)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"<details><summary>{title}</summary>\n\n{fence}sh\n{text}\n{fence}\n\n</details>"
