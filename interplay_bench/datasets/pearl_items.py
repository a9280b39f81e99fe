"""The items of PEARL: those of its records, of a catalogue beside them, and of the sample's fact sheet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from interplay_bench.datasets.reading import Row, may_have, need, read_json, read_text, tidy
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError

Rows = Iterable[tuple[int, Row]]


def titled(title: str) -> Item:
    """The item of a title as PEARL writes it, ``Heat (1995)``."""
    bare, year = title_and_year(tidy(title))
    return Item(id=bare if year is None else f"{bare} ({year})", title=bare, year=year)


def own_items(rows: Rows, origin: str) -> list[Item]:
    """The target and seen films of the records themselves, with the facets that the records hold."""
    items: dict[str, Item] = {}
    for number, row in rows:
        where = f"record {number} of {origin}"
        for title in filter(str.strip, seen_titles(row, where)):
            item = titled(title)
            items.setdefault(item.id, item)
        title = need(row, "gt_movie_title", str, where)
        if title.strip():
            item = replace(titled(title), attributes=_facets(row))
            if not items.get(item.id, item).attributes:
                items[item.id] = item
            items.setdefault(item.id, item)
    return list(items.values())


def seen_titles(row: Row, where: str) -> list[str]:
    """The titles of the films that the seeker has reviewed."""
    titles = may_have(row, "seen_movie_titles", list, where) or ()
    return [title for title in titles if isinstance(title, str)]


def _facets(row: Row) -> dict[str, tuple[str, ...]]:
    facets = {"genre": row.get("gt_genre"), "director": row.get("gt_director"), "cast": row.get("gt_cast")}
    return {facet: _values(value) for facet, value in facets.items() if _values(value)}


def _values(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(tidy(str(part)) for part in parts if tidy(str(part)))


def catalog_items(path: Path) -> list[Item]:
    """The items of a ``catalog.json``: a list of titles or of objects with ``title`` and ``year``."""
    value = read_json(path)
    entries = value.get("movies") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise DataError(f"{path} is neither a list of titles nor an object with a list of 'movies': correct it.")
    items = []
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("title"), str):
            year = entry.get("year")
            items.append(titled(f"{entry['title']} ({year})" if year else entry["title"]))
        elif isinstance(entry, str):
            items.append(titled(entry))
        else:
            raise DataError(
                f"{path} holds {entry!r}, which is neither a title nor an object with a 'title': correct it."
            )
    return items


def film_items(path: Path) -> list[Item]:
    """The films of the sample's fact sheet, with every fact but the premise as an attribute."""
    import tomllib

    facts = tomllib.loads(read_text(path))
    films = next((value for value in facts.values() if isinstance(value, list)), [])
    items = []
    for film in films:
        item = titled(f"{film['title']} ({film['year']})")
        named = {"genres": "genre", "directors": "director", "traits": "trait"}
        attributes = {
            named.get(facet, facet): tuple(map(str, value)) for facet, value in film.items() if isinstance(value, list)
        }
        items.append(replace(item, attributes=attributes))
    return items
