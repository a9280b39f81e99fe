"""The leaderboard as ``index.html``: one self-contained page."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.forest import forests
from interplay_bench.leaderboard.result_record import ResultRecord
from interplay_bench.leaderboard.rows import merit
from interplay_bench.leaderboard.table import Table

if TYPE_CHECKING:
    from jinja2 import Environment

KINDS = {"measured": "measured", "paper": "paper", "control": "controls", "told": "told the target"}


def render(board: Board) -> str:
    """The page, everything in it escaped by the template."""
    # What a record calls its parts is text of the page and never an attribute: there, they are numbered.
    titles = {table.family: table.title for table in board.tables}
    families = {family: f"f{number}" for number, family in enumerate(titles)}
    datasets = {name: f"d{number}" for number, name in enumerate(dict.fromkeys(t.dataset for t in board.tables))}
    found = {row.kind for table in board.tables for row in table.rows}
    page = environment().get_template("page.html.j2")
    text = page.render(
        board=board,
        families=families,
        titles=[(number, titles[family]) for family, number in families.items()],
        datasets=datasets,
        names=[(number, name) for name, number in datasets.items()],
        kinds=[(kind, label) for kind, label in KINDS.items() if kind in found],
        forests=forests,
        ledger=_ledger,
        width=_width,
        anchors=anchors,
        folds=folds,
    )
    return text.strip() + "\n"


@dataclass(frozen=True, slots=True)
class Fold:
    """A control's place in its family, whose members differ in their argument: the ``lead`` stands for all."""

    number: int
    lead: bool
    others: int


def anchors(table: Table) -> list[str]:
    """An id for each row, to link to: the table's and the model's name, numbered where there are several."""
    seen: Counter[str] = Counter()
    found = []
    for row in table.rows:
        words = re.sub(r"[^a-z0-9]+", "-", row.model.lower()).strip("-")
        seen[words] += 1
        found.append(f"{table.slug}--{words}{f'--{seen[words]}' if seen[words] > 1 else ''}")
    return found


def folds(table: Table) -> dict[int, Fold]:
    """The rows of controls that are one policy with several arguments; the best by the first directed column leads."""
    families: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(table.rows):
        if row.control and not row.told and ":" in row.model:
            families[row.model.partition(":")[0]].append(index)
    found: dict[int, Fold] = {}
    for number, members in enumerate(family for family in families.values() if len(family) > 1):
        lead = min(members, key=lambda index: merit(table.spans, table.rows[index]))
        found |= {index: Fold(number, index == lead, len(members) - 1) for index in members}
    return found


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


def _ledger(record: ResultRecord) -> str:
    outcomes = record.ledger.outcomes
    return ", ".join(f"{str(name).replace('_', ' ')} {count}" for name, count in outcomes.items())
