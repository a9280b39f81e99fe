"""The leaderboard as ``index.html``: one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.forest import forests
from interplay_bench.leaderboard.records import Record
from interplay_bench.leaderboard.table import Table

if TYPE_CHECKING:
    from jinja2 import Environment

KINDS = {"measured": "measured", "paper": "paper", "control": "controls", "told": "told the target"}


def render(board: Board) -> str:
    """The page, everything in it escaped by the template."""
    datasets = dict.fromkeys(table.dataset for table in board.tables)
    found = {row.kind for table in board.tables for row in table.rows}
    page = environment().get_template("page.html.j2")
    text = page.render(
        board=board,
        families=list(dict.fromkeys((table.family, table.title) for table in board.tables)),
        datasets=[(name, name) for name in datasets],
        kinds=[(kind, label) for kind, label in KINDS.items() if kind in found],
        forests=forests,
        ledger=_ledger,
        width=_width,
    )
    return text.strip() + "\n"


def environment() -> Environment:
    """Jinja with escaping on, whatever the file is called; a name that is undefined is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("interplay_bench.leaderboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _width(table: Table) -> int:
    """How many columns there are: the model, and each span's with its N."""
    return 1 + sum(len(span.columns) + 1 for span in table.spans)


def _ledger(record: Record) -> str:
    outcomes = record.data["ledger"]["outcomes"]
    return ", ".join(f"{str(name).replace('_', ' ')} {count}" for name, count in outcomes.items())
