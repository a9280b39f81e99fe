"""The leaderboard as ``tables.tex``: a document of booktabs tables that pdflatex compiles as it is."""

from __future__ import annotations

from collections.abc import Iterator

from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.table import ARROWS, Column, Row, Table

HEAD = r"""% Rendered by `interplay-bench leaderboard`; do not edit. Needs booktabs and longtable.
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage[paperwidth=WIDTHmm,paperheight=210mm,margin=15mm]{geometry}
\usepackage{booktabs}
\usepackage{longtable}
\setlength{\tabcolsep}{4pt}
\begin{document}
\small"""
LEGEND = (
    r"\noindent 95\% intervals in brackets; those of the paper's rates, in italics, are derived (Wilson's, from the "
    r"one count that a printed rate can come from). Best values are bold, ties shared, none where all are equal; "
    r"controls (c) and what is told the target (t) do not compete."
)
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}", "-": "{-}", "–": r"\textendash{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
}  # fmt: skip

A4 = 297  # millimetres, its longer side
TABLE = str.maketrans({**dict.fromkeys(map(chr, [*range(32), 127]), " "), **SPECIAL})


def render(board: Board) -> str:
    """All tables, one after the other."""
    width = max([A4, *map(_width, board.tables)])
    tables = (line for table in board.tables for line in _table(table))
    parts = [HEAD.replace("WIDTH", str(width)), LEGEND, *tables, r"\end{document}"]
    return "\n".join(parts) + "\n"


def _width(table: Table) -> int:
    """About how many millimetres of paper a table needs: margins and names, then each column's heading or interval."""
    columns = [max(22, 2 * len(column.heading)) for column in table.columns]
    return 110 + sum(columns) + 12 * len(table.spans)


def _table(table: Table) -> Iterator[str]:
    width = sum(len(span.columns) + 1 for span in table.spans)
    yield ""
    yield rf"\begin{{longtable}}{{ll{'r' * width}}}"
    yield rf"\caption{{{escape(f'{table.heading}; {table.data}')}}}\\"
    yield r"\toprule"
    yield from _heads(table)
    yield r"\midrule"
    yield r"\endhead"
    yield r"\bottomrule"
    yield r"\endfoot"
    kinds = [row.kind for row in table.rows]
    for row, before in zip(table.rows, [kinds[0], *kinds], strict=False):
        if row.kind != before:
            yield r"\midrule"
        yield from _row(row)
    yield r"\end{longtable}"


def _heads(table: Table) -> Iterator[str]:
    start, spans, rules = 3, ["", ""], []
    for span in table.spans:
        wide = len(span.columns)
        spans += [rf"\multicolumn{{{wide}}}{{c}}{{{escape(span.title)}}}", ""]
        rules.append(rf"\cmidrule(lr){{{start}-{start + wide - 1}}}")
        start += wide + 1
    yield f"{' & '.join(spans)} \\\\"
    yield "".join(rules)
    heads = [cell for span in table.spans for cell in [*map(_head, span.columns), "N"]]
    yield f"{' & '.join(['Model', 'Origin', *heads])} \\\\"


def _head(column: Column) -> str:
    return escape(f"{column.label} {ARROWS[column.direction]}".strip())


def _row(row: Row) -> Iterator[str]:
    """The values, and in a second line their intervals."""
    mark = {"control": r"\,(c)", "told": r"\,(t)"}.get(row.kind, "")
    values, below = [escape(row.model) + mark, row.origin], [escape(", ".join(row.tags)), ""]
    for half, n in zip(row.cells, row.n, strict=True):
        values += [*map(_value, half), "--" if n is None else str(n)]
        below += [*map(_interval, half), ""]
    small = [rf"\scriptsize {text}" if text else "" for text in below]
    yield f"{' & '.join(values)} \\\\*" if any(small) else f"{' & '.join(values)} \\\\"
    if any(small):
        yield f"{' & '.join(small)} \\\\"


def _value(cell: Cell | None) -> str:
    if cell is None:
        return "--"
    return rf"\textbf{{{cell.text}}}" if cell.best else cell.text


def _interval(cell: Cell | None) -> str:
    if cell is None or not cell.interval:
        return ""
    return rf"\textit{{{escape(cell.interval)}}}" if cell.derived else escape(cell.interval)


def escape(text: str) -> str:
    """Text as it is; letters beyond Latin by their code points, which pdflatex would stop at."""
    known = text.translate(TABLE)
    return known if known.isascii() else "".join(map(_letter, known))


def _letter(c: str) -> str:
    return c if c.isascii() or (c.isalpha() and ord(c) < 0x180) else rf"\texttt{{U+{ord(c):04X}}}"
