"""A table of the leaderboard, before any format: spans of columns, rows of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.result_record import ResultRecord
from interplay_bench.metrics.score import Direction

Origin = Literal["paper", "measured"]
Scope = Literal["paper", "beyond", "task"]
ARROWS: dict[Direction | None, str] = {"higher": "↑", "lower": "↓", None: ""}

Places = Sequence[Sequence[int]]
"""Some of a table's columns: of each span, their places within it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of one signature; ``None`` where it is unknown (the paper's), or where nothing was measured."""

    metric: str
    label: str
    direction: Direction | None
    signature: str | None

    @property
    def heading(self) -> str:
        """The label, with an arrow towards the better end."""
        return f"{self.label} {ARROWS[self.direction]}".strip()


@dataclass(frozen=True, slots=True)
class Span:
    """The columns that one task measures. ``options``: how it was set."""

    title: str
    task: str
    columns: tuple[Column, ...]
    options: str = ""


@dataclass(frozen=True)
class Row:
    """A model in a table: per span its record (if any), its cells, and over how many samples they are."""

    model: str
    origin: Origin
    cells: tuple[tuple[Cell | None, ...], ...]
    n: tuple[int | None, ...]
    records: tuple[ResultRecord | None, ...]
    control: bool = False
    told: bool = False
    tags: tuple[str, ...] = ()

    @property
    def contends(self) -> bool:
        """Whether it may be best: control policies, and models that are told the target, may not."""
        return not self.control and not self.told

    @cached_property
    def kind(self) -> str:
        """What a reader tells rows apart by."""
        if self.origin == "paper":
            return "paper"
        return "told" if self.told else "control" if self.control else "measured"

    def only(self, places: Places) -> Row:
        """The row with some of its cells alone; a span that has none left is gone."""
        kept = [(s, chosen) for s, chosen in enumerate(places) if chosen]
        return replace(
            self,
            cells=tuple(tuple(self.cells[s][c] for c in chosen) for s, chosen in kept),
            n=tuple(self.n[s] for s, _ in kept),
            records=tuple(self.records[s] for s, _ in kept),
        )

    @cached_property
    def sources(self) -> list[ResultRecord]:
        """The records it is made of."""
        return [record for record in self.records if record is not None]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that may be compared: same task, data and metric signatures.

    ``setting``: the options that tell it from another table of the same kind and data.
    ``printed``: which table or figure of the paper this one repeats, if it does nothing else. ``scope``: whether it
    has the columns of one of the ``paper``'s tables, what the same runs measured ``beyond`` them, or all of a ``task``.
    """

    slug: str
    family: str
    title: str
    dataset: str
    split: str
    dialogues: int
    limited: bool
    synthetic: bool
    fingerprint: str | None
    spans: tuple[Span, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    printed: str | None = None
    setting: str = ""
    scope: Scope = "task"

    @property
    def heading(self) -> str:
        """The title, the data's name, and which columns; the paper's number for what only stands there."""
        where = f"{self.printed} of the paper: " if self.printed else ""
        return f"{where}{self.title} on {self.dataset}{self.reach}"

    @property
    def reach(self) -> str:
        """What a heading says of the options and the columns."""
        setting = f" ({self.setting})" if self.setting else ""
        return f"{setting}, beyond the paper's columns" if self.scope == "beyond" else setting

    @property
    def options(self) -> list[str]:
        """How its tasks were set, an option each."""
        return [option for span in self.spans for option in span.options.split(", ") if option]

    def only(self, places: Places) -> Table:
        """The table with some of its columns alone; a span that has none left is gone."""
        kept = [(span, chosen) for span, chosen in zip(self.spans, places, strict=True) if chosen]
        spans = (replace(span, columns=tuple(span.columns[c] for c in chosen)) for span, chosen in kept)
        return replace(self, spans=tuple(spans), rows=tuple(row.only(places) for row in self.rows))

    @property
    def columns(self) -> list[Column]:
        """All columns, from left to right."""
        return [column for span in self.spans for column in span.columns]

    @property
    def data(self) -> str:
        """The data in words: ``redial/test, 125 dialogues``."""
        first = "the first " if self.limited else ""
        kind = ", synthetic" if self.synthetic else ""
        return f"{self.dataset}/{self.split}, {first}{self.dialogues:,} dialogues{kind}"

    def plots(self) -> Iterator[tuple[Column, list[tuple[Row, Cell]]]]:
        """Each column with the rows that have a value in it."""
        for s, span in enumerate(self.spans):
            for c, column in enumerate(span.columns):
                found = ((row, row.cells[s][c]) for row in self.rows)
                yield column, [(row, cell) for row, cell in found if cell is not None]
