"""The paper's tables, read from ``paper.toml``: layouts, rows, and the integers behind the printed rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.toml_file import read_toml
from interplay_bench.metrics.rates import wilson
from interplay_bench.metrics.score import Direction


@dataclass(frozen=True, slots=True)
class PaperColumn:
    """A metric as the paper prints it. ``requires``: parts of a signature that a comparable measurement has."""

    metric: str
    label: str = ""
    direction: Direction | None = None
    rate: bool = False
    requires: tuple[str, ...] = ()

    def comparable(self, signature: str | None) -> bool:
        """Whether a measurement with this signature may stand beside the paper's value."""
        return signature is not None and set(self.requires) <= set(signature.split("|"))


@dataclass(frozen=True, slots=True)
class PaperSpan:
    """Columns under one heading, which one task measures."""

    title: str
    task: str
    columns: tuple[PaperColumn, ...]


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A model as the paper names it, its card's name here, and its values as printed."""

    name: str
    paper_row: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """One of the paper's tables, or (``kind``) a figure of it as one. ``n``: how many dialogues it is over."""

    number: int
    title: str
    dataset: str
    split: str
    n: int
    note: str
    spans: tuple[PaperSpan, ...]
    rows: tuple[PaperRow, ...]
    kind: Literal["Table", "Figure"] = "Table"

    @property
    def family(self) -> str:
        """What its tables are called in links."""
        return f"{self.kind.lower()}-{self.number}"

    def cell(self, row: PaperRow, column: PaperColumn) -> Cell | None:
        """The printed value; of a rate, with the count that it came from and Wilson's interval, both derived."""
        printed = row.values.get(column.metric)
        if printed is None:
            return None
        count = recover(printed, self.n) if column.rate else None
        if count is None:
            return Cell(float(printed), printed=printed)
        low, high = wilson(count, self.n)
        return Cell(float(printed), low, high, count, self.n, self.n, printed, derived=True)


@dataclass(frozen=True, slots=True)
class Paper:
    """The paper: how to cite it, and its tables."""

    citation: str = ""
    tables: tuple[PaperTable, ...] = field(default=())


def _number(printed: str) -> str:
    """The digits as printed; raises :class:`ValueError` where they are no number."""
    float(printed)
    return printed


def recover(printed: str, n: int) -> int | None:
    """The one k of which ``printed`` is k/n, rounded or truncated; ``None`` where no k, or more than one, fits."""
    decimals = len(printed.partition(".")[2])
    unit = 10**decimals
    wanted = round(float(printed) * unit)
    near = range(max(0, (wanted - 1) * n // unit), min(n, (wanted + 1) * n // unit + 1) + 1)
    fits = [k for k in near if wanted in (k * unit // n, (2 * k * unit + n) // (2 * n))]
    return fits[0] if len(fits) == 1 else None


def read(path: Path) -> Paper:
    """Read ``paper.toml``; what is missing or misspelt in it is a :class:`DataError` that names the line."""
    described = read_toml(path, _Paper)
    return Paper(described.citation, tuple(table.made() for table in described.tables))


class _Part(BaseModel):
    """A part of the file: no key that is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Column(_Part):
    metric: str
    label: str = ""
    direction: Direction | None = None
    rate: bool = False
    requires: tuple[str, ...] = ()

    def made(self) -> PaperColumn:
        """The column as it is used."""
        return PaperColumn(self.metric, self.label or self.metric, self.direction, self.rate, self.requires)


class _Span(_Part):
    title: str
    task: str
    columns: tuple[_Column, ...]


class _Row(_Part):
    name: str
    paper_row: str = ""
    values: dict[str, Annotated[str, AfterValidator(_number)]]


class _Table(_Part):
    number: int
    title: str
    dataset: str
    split: str
    n: int = Field(ge=1)
    note: str = ""
    kind: Literal["Table", "Figure"] = "Table"
    spans: tuple[_Span, ...]
    rows: tuple[_Row, ...]

    @model_validator(mode="after")
    def _columns_are_known(self) -> _Table:
        known = {column.metric for span in self.spans for column in span.columns}
        for row in self.rows:
            for metric in row.values.keys() - known:
                raise ValueError(f"{row.name} has a value for {metric!r}, which is no column")
        return self

    def made(self) -> PaperTable:
        """The table as it is used."""
        spans = tuple(
            PaperSpan(
                span.title,
                span.task,
                tuple(
                    PaperColumn(c.metric, c.label or c.metric, c.direction, c.rate, c.requires) for c in span.columns
                ),
            )
            for span in self.spans
        )
        rows = tuple(PaperRow(row.name, row.paper_row, row.values) for row in self.rows)
        keys = (self.number, self.title, self.dataset, self.split, self.n, self.note)
        return PaperTable(*keys, spans=spans, rows=rows, kind=self.kind)


class _Paper(_Part):
    citation: str = ""
    tables: tuple[_Table, ...] = ()
