"""Who liked what beyond films: anyone's interactions with the items' texts, and Last.fm's release.

Anyone's are a folder with ``interactions.csv`` (``user``, ``item``, and if there is one a ``weight``) and ``items.csv``
or ``items.jsonl``, a catalogue as for plain data: ``id`` and ``title``, other columns being facets of the text. An
interaction of a weight above 0 is a positive. Last.fm is HetRec 2011's ``artists.dat``, ``user_artists.dat`` (plays)
and, where they are there, ``tags.dat`` and ``user_taggedartists.dat``. Every row left out is counted by reason.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from interplay_bench.datasets.plain.catalog_file import read_catalog
from interplay_bench.datasets.plain.table_rows import csv_rows
from interplay_bench.datasets.reading import shortened, tidy
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.environment.errors import DataError
from interplay_bench.metrics.match_score.ratings import TAGS, Interactions, item_text

FILE, ITEMS = "interactions.csv", ("items.csv", "items.jsonl")
LASTFM = "user_artists.dat"
Positive = tuple[str, str, str]
"""A user, an item, and how much, as they are written."""


def read_interactions(folder: Path, domain: str) -> Interactions:
    """Read a folder of anyone's; items that name no domain are of ``domain``."""
    items = next((folder / name for name in ITEMS if (folder / name).is_file()), None)
    if items is None:
        raise DataError(f"{folder} has no {' or '.join(ITEMS)}: the items' texts are learnt from, too.")
    catalog = read_catalog(items, domain)
    texts = [item_text(item.title, (), tuple(v for vs in item.attributes.values() for v in vs)) for item in catalog]
    return _compact(folder.name, folder / FILE, _plain(folder / FILE), catalog, texts)


def read_lastfm(folder: Path) -> Interactions:
    """Read HetRec 2011's Last.fm: an artist is an item, and its text its name and the tags given most often."""
    names = {row[0]: tidy(row[1]) for row in _dat(folder / "artists.dat", 2)}
    words = {row[0]: row[1] for row in _dat(folder / "tags.dat", 2)} if (folder / "tags.dat").is_file() else {}
    given: dict[str, Counter[str]] = {}
    if (folder / "user_taggedartists.dat").is_file():
        for _, artist, tag in _dat(folder / "user_taggedartists.dat", 3):
            if tag in words:
                given.setdefault(artist, Counter())[words[tag]] += 1
    tags = {artist: tuple(tag for tag, _ in counts.most_common(TAGS)) for artist, counts in given.items()}
    catalog = [
        Item(artist, name, None, "music", {"tag": tags[artist]} if artist in tags else {})
        for artist, name in names.items()
    ]
    texts = [item_text(item.title, tags.get(item.id, ()), ()) for item in catalog]
    plays = ((user, artist, weight) for user, artist, weight in _dat(folder / LASTFM, 3))
    return _compact("lastfm", folder / LASTFM, plays, catalog, texts)


def _plain(path: Path) -> Iterator[Positive]:
    for number, row in csv_rows(path):
        for column in ("user", "item"):
            if column not in row:
                raise DataError(f"{path} has no column {column!r}: it has {shortened(', '.join(row))}.")
            if not row[column].strip():
                raise DataError(f"Line {number} of {path}: {column}: it is empty.")
        yield row["user"].strip(), row["item"].strip(), row.get("weight", "1")


def _dat(path: Path, width: int) -> Iterator[tuple[str, ...]]:
    """The first columns of a table whose columns tabs separate, without its header. Its tags are not UTF-8."""
    try:
        with path.open(encoding="latin-1" if path.name == "tags.dat" else "utf-8", newline="") as handle:
            rows = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            next(rows, None)
            for row in filter(None, rows):
                if len(row) < width:
                    raise DataError(f"Line {rows.line_num} of {path} has {len(row)} columns: {width} are needed.")
                yield tuple(row[:width])
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}): fetch it anew.") from None


def _compact(
    name: str, path: Path, rows: Iterable[Positive], catalog: Iterable[Item], texts: Iterable[str]
) -> Interactions:
    """The rows as arrays of indices; a pair that stands twice counts once."""
    import numpy as np

    items = tuple(catalog)
    places = {item.id: place for place, item in enumerate(items)}
    people: dict[str, int] = {}
    dropped: Counter[str] = Counter()
    pairs: dict[tuple[int, int], None] = {}
    read = 0
    for user, item, weight in rows:
        read += 1
        if item not in places:
            dropped["interaction with an item that the catalogue lacks"] += 1
        elif not _positive(weight):
            dropped["interaction without a weight above 0"] += 1
        elif (pair := (people.setdefault(user, len(people)), places[item])) in pairs:
            dropped["interaction of a pair that stands twice"] += 1
        else:
            pairs[pair] = None
    if not pairs:
        raise DataError(f"{path} holds no interaction with an item of the catalogue: check both files' ids.")
    found = np.array(list(pairs), dtype=np.int32)
    return Interactions(
        name, found[:, 0].copy(), found[:, 1].copy(), len(people), items, tuple(texts), read, dropped=dropped
    )


def _positive(weight: str) -> bool:
    try:
        return 0 < float(weight) < math.inf
    except ValueError:
        return False
