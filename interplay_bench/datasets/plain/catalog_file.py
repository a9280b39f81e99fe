"""A catalogue of items in a file: CSV with a header, JSON lines, or a JSON array.

``title`` is needed; ``id``, ``year`` and ``domain`` are optional, and every other column is a facet of the item
("genre"), several values being separated by ``;`` or standing in a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.datasets.plain.table_rows import csv_rows
from interplay_bench.datasets.reading import array_or_rows, shortened, tidy
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError, MissingDataError

NAMES = ("catalog.csv", "catalog.jsonl")
"""What a catalogue is called that lies beside the data."""
_OWN = ("id", "title", "year", "domain")


def find_catalog(given: str | None, beside: Path | None) -> Path | None:
    """The catalogue's file: the one given, else one of :data:`NAMES` in the folder; ``None`` where there is none."""
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file():
            raise MissingDataError(f"There is no catalogue {path}: give a CSV or JSON-lines file by --catalog.")
        return path
    found = [beside / name for name in NAMES if (beside / name).is_file()] if beside is not None else []
    return found[0] if found else None


def read_catalog(path: Path, domain: str) -> tuple[Item, ...]:
    """The items of a file, each once by its id; those that name no domain are of ``domain``."""
    rows = (
        ((f"line {number} of {path}", row) for number, row in csv_rows(path))
        if path.suffix.lower() == ".csv"
        else ((f"line {number} of {path}", row) for number, row in array_or_rows(path))
    )
    items: dict[str, Item] = {}
    for where, row in rows:
        item = _item(row, where, domain)
        if item.id in items:
            raise DataError(f"The id {shortened(item.id)!r} in {where} is that of another item: give each its own.")
        items[item.id] = item
    if not items:
        raise DataError(f"The catalogue {path} holds no item: choose another file.")
    return tuple(items.values())


def _item(row: Mapping[str, Any], where: str, domain: str) -> Item:
    if "title" not in row:
        raise DataError(f"{where[0].upper()}{where[1:]} has no 'title': it has {shortened(', '.join(map(str, row)))}.")
    name = row["title"]
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{where[0].upper()}{where[1:]}: title: a text is needed, not {shortened(repr(name))}.")
    title, year = title_and_year(tidy(name))
    given = row.get("year")
    if given not in (None, ""):
        if not str(given).strip().lstrip("-").isdecimal():
            raise DataError(f"{where[0].upper()}{where[1:]}: year: {shortened(repr(given))} is no whole number.")
        year = int(given)
    facets = {key: facet_values(value) for key, value in row.items() if key and key not in _OWN}
    return Item(
        id=str(row.get("id") or name).strip(),
        title=title,
        year=year,
        domain=str(row.get("domain") or domain),
        attributes={key: values for key, values in facets.items() if values},
    )


def facet_values(value: object) -> tuple[str, ...]:
    """The values of a facet: a list's, or those of a text that ``;`` separates."""
    parts = value if isinstance(value, list) else str(value if value is not None else "").split(";")
    return tuple(dict.fromkeys(filter(None, (tidy(str(part)) for part in parts if part is not None))))
