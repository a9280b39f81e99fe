"""The paper's tables, read from ``paper.toml``: layouts, rows, and the integers behind the printed rates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interplay_bench.errors import DataError
from interplay_bench.leaderboard.cell import Cell
from interplay_bench.metrics.rates import wilson
from interplay_bench.results import Direction


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
    """One of the paper's tables. ``n``: how many dialogues it is over."""

    number: int
    title: str
    dataset: str
    split: str
    n: int
    note: str
    spans: tuple[PaperSpan, ...]
    rows: tuple[PaperRow, ...]

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


def recover(printed: str, n: int) -> int | None:
    """The one k of which ``printed`` is k/n, rounded or truncated; ``None`` where no k, or more than one, fits."""
    decimals = len(printed.partition(".")[2])
    unit = 10**decimals
    wanted = round(float(printed) * unit)
    near = range(max(0, (wanted - 1) * n // unit), min(n, (wanted + 1) * n // unit + 1) + 1)
    fits = [k for k in near if wanted in (k * unit // n, (2 * k * unit + n) // (2 * n))]
    return fits[0] if len(fits) == 1 else None


def read(path: Path) -> Paper:
    """Read ``paper.toml``; what is missing or misspelt in it is a :class:`DataError`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return Paper(data.get("citation", ""), tuple(_table(table) for table in data.get("tables", ())))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"The paper's tables {path} cannot be read: {error}.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"The paper's tables {path} are malformed: {error}.") from None


def _table(data: Mapping[str, Any]) -> PaperTable:
    spans = tuple(PaperSpan(s["title"], s["task"], tuple(_column(c) for c in s["columns"])) for s in data["spans"])
    rows = tuple(PaperRow(**row) for row in data["rows"])
    known = {column.metric for span in spans for column in span.columns}
    for row in rows:
        for metric, value in row.values.items():
            if metric not in known:
                raise ValueError(f"{row.name} has a value for {metric!r}, which is no column")
            float(value)
    keys = {key: data[key] for key in ("number", "title", "dataset", "split", "n")}
    return PaperTable(**keys, note=data.get("note", ""), spans=spans, rows=rows)


def _column(data: Mapping[str, Any]) -> PaperColumn:
    return PaperColumn(**{"label": data["metric"], **data, "requires": tuple(data["requires"])})
