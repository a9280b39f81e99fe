"""Tables of runs as text that fits the terminal, and as Markdown, LaTeX, HTML, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from interplay_bench.evaluation.run import Run
from interplay_bench.reports.run_tables import RunTable, run_tables

GAP = 2
"""Characters between two columns."""
WIDTH = 120
"""Columns where there is no terminal to ask."""


def render_runs(
    runs: Sequence[Run],
    form: str = "text",
    *,
    every: bool = False,
    ranks: str | None = None,
    width: int | None = None,
) -> str:
    """The runs' tables as text, markdown, latex, html, csv or json.

    ``every`` metric, or only the main ones. ``ranks``: a metric to rank the models by. ``width``: of text, in
    characters (default: the terminal's). CSV and JSON have a row for each run and metric, with all metrics.
    """
    if form in ("csv", "json"):
        rows = [row for run in runs for row in _long(run)]
        return render_rows(rows, form)
    return render_tables(run_tables(runs, every=every, ranks=ranks), form, width)


def render_rows(rows: Sequence[dict[str, Any]], form: str) -> str:
    """Rows of values as csv or json."""
    return json.dumps(rows, indent=1, ensure_ascii=False) if form == "json" else _csv(rows)


def render_tables(tables: Sequence[RunTable], form: str, width: int | None = None) -> str:
    """Tables as text, markdown, latex or html."""
    if form == "text":
        return "\n\n".join(_text(table, width or shutil.get_terminal_size((WIDTH, 24)).columns) for table in tables)
    return "\n\n".join(_marked_up(table, form) for table in tables)


def _text(table: RunTable, width: int) -> str:
    """Blocks of as many columns as fit, each with the models' names again."""
    from tabulate import tabulate

    parts = [table.title]
    for columns in _blocks(table, width):
        cells = [[row[column] for column in columns] for row in table.rows]
        headers = [table.headers[column] for column in columns]
        align = ["left"] * len(columns)
        parts.append(tabulate(cells, headers, tablefmt="simple", disable_numparse=True, colalign=align))
    notes = (textwrap.fill(note, width, break_long_words=False, break_on_hyphens=False) for note in table.notes)
    return "\n\n".join([*parts, "\n".join(notes)])


def _blocks(table: RunTable, width: int) -> Iterator[list[int]]:
    widths = [max(len(line[column]) for line in (table.headers, *table.rows)) for column in range(len(table.headers))]
    block, used = [0], widths[0]
    for column in range(1, len(widths)):
        if len(block) > 1 and used + GAP + widths[column] > width:
            yield block
            block, used = [0], widths[0]
        block.append(column)
        used += GAP + widths[column]
    yield block


def _marked_up(table: RunTable, form: str) -> str:
    from html import escape

    from tabulate import tabulate

    style = {"markdown": "github", "latex": "latex_booktabs", "html": "html"}[form]
    rows = [[_cell(cell, form) for cell in row] for row in table.rows]
    headers = [_cell(header, form) for header in table.headers]
    body = tabulate(rows, headers, tablefmt=style, disable_numparse=True)
    if form == "markdown":
        return "\n\n".join([f"### {_cell(table.title, form)}", body, *(_cell(note, form) for note in table.notes)])
    if form == "latex":
        return "\n".join([f"% {line}" for line in (table.title, *table.notes)] + [body])
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in table.notes)
    return f"<h3>{escape(table.title)}</h3>\n{body}\n{notes}".rstrip()


def _cell(text: str, form: str) -> str:
    """A text as a cell; tabulate escapes for LaTeX and HTML, not for Markdown."""
    if form == "markdown":
        return "".join(f"\\{c}" if c in "\\|*_`<[" else c for c in text)
    if form == "latex":
        return text.replace(" ↑", " (higher)").replace(" ↓", " (lower)").replace("×", "x")
    return text


def _long(run: Run) -> Iterator[dict[str, Any]]:
    record = run.record
    head = {
        "task": record.task.name,
        "dataset": record.dataset.name,
        "split": record.dataset.split,
        "dialogues": record.dataset.dialogues,
        "model": record.model.name,
        "recommender": record.recommender.name if record.recommender else None,
        "told": record.told(),
        "seed": record.request.seed,
        "run": str(run.folder),
    }
    for score in run.scores.values():
        yield {**head, "metric": score.name, **{key: value for key, value in score.to_json().items() if key != "name"}}


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _plain(value) for key, value in row.items()} for row in rows)
    return out.getvalue().rstrip("\n")


def _plain(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")) else value
