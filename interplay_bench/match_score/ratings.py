"""Who liked what: ratings in MovieLens' format, read as a stream into compact arrays.

A rating of at least ``LIKED`` stars is a positive, as is usual for implicit feedback; what is rated lower is dropped
and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogue import Item
from interplay_bench.errors import DataError
from interplay_bench.markup import title_and_year

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIKED = 3.5
TAGS = 10
"""How many of an item's tags its text holds: those given most often."""
PLACES = ("movielens-latest-small", "ml-latest-small", "movielens-32m", "ml-32m")


@dataclass(frozen=True)
class Interactions:
    """Positives: ``users`` and ``items`` are int32 arrays of one length, of indices below ``user_count`` and into
    ``catalog``; ``texts`` are the items' texts. ``read``: rows read. ``synthetic``: composed, not collected.
    """

    name: str
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    user_count: int
    catalog: tuple[Item, ...]
    texts: tuple[str, ...]
    read: int
    synthetic: bool = False


def read_movielens(folder: Path) -> Interactions:
    """Read ``ratings.csv``, ``movies.csv`` and, where it is there, ``tags.csv`` of a MovieLens release.

    Raises :class:`DataError` that names the file, and the row where it is broken.
    """
    import numpy as np

    movies = _table(folder / "movies.csv", {"movieId": "int32", "title": "string", "genres": "string"})
    numbers = np.array(movies["movieId"], dtype=np.int32)
    row_of = np.full(int(numbers.max(initial=0)) + 1, -1, dtype=np.int32)
    row_of[numbers] = np.arange(len(numbers), dtype=np.int32)
    tags = _tags(folder / "tags.csv")
    catalog, texts = [], []
    for number, name, listed in zip(movies["movieId"], movies["title"], movies["genres"], strict=True):
        title, year = title_and_year(name)
        genres = tuple(genre for genre in listed.split("|") if genre[:1] != "(")
        catalog.append(Item(str(number), title, year, attributes={"genre": genres}))
        texts.append(item_text(title, tags.get(number, ()), genres))
    users, items, read = _positives(folder / "ratings.csv", row_of)
    known, compact = np.unique(users, return_inverse=True)
    return Interactions(folder.name, compact.astype(np.int32), items, len(known), tuple(catalog), tuple(texts), read)


def item_text(title: str, tags: tuple[str, ...], genres: tuple[str, ...]) -> str:
    """What the encoder reads of an item: title, tags, genres (section 4.3)."""
    return ". ".join(part for part in (title, ", ".join(tags), ", ".join(genres)) if part)


def _positives(path: Path, row_of: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    import numpy as np

    users, items, read = [], [], 0
    for batch in _stream(path, {"userId": "int32", "movieId": "int32", "rating": "float32"}):
        user, movie, stars = (column.to_numpy(zero_copy_only=False) for column in batch.columns)
        read += len(user)
        row = np.where(movie < len(row_of), row_of[np.minimum(movie, len(row_of) - 1)], -1)
        if (row < 0).any():
            raise DataError(f"{path} rates the movie {int(movie[row < 0][0])}, which movies.csv does not list.")
        liked = stars >= LIKED
        users.append(user[liked])
        items.append(row[liked])
    if not sum(map(len, users)):
        raise DataError(f"{path} holds no rating of {LIKED} stars or more.")
    return np.concatenate(users), np.concatenate(items), read


def _tags(path: Path) -> dict[int, tuple[str, ...]]:
    if not path.is_file():
        return {}
    found: dict[int, Counter[str]] = {}
    table = _table(path, {"movieId": "int32", "tag": "string"})
    for movie, tag in zip(table["movieId"], table["tag"], strict=True):
        found.setdefault(movie, Counter())[tag.strip().lower()] += 1
    return {movie: tuple(tag for tag, _ in counts.most_common(TAGS)) for movie, counts in found.items()}


def _table(path: Path, columns: dict[str, str]) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = {name: [] for name in columns}
    for batch in _stream(path, columns):
        for name in columns:
            table[name] += batch.column(name).to_pylist()
    return table


def _stream(path: Path, columns: dict[str, str]) -> Iterator[Any]:
    """The columns of a csv file, a batch of rows at a time."""
    import pyarrow
    from pyarrow import csv

    if not path.is_file():
        raise DataError(f"{path} does not exist: --data takes a MovieLens release's folder.")
    convert = csv.ConvertOptions(
        column_types={name: getattr(pyarrow, kind)() for name, kind in columns.items()},
        include_columns=list(columns),
        quoted_strings_can_be_null=False,
        strings_can_be_null=False,
    )
    parse = csv.ParseOptions(newlines_in_values=False)
    try:
        with csv.open_csv(
            path, csv.ReadOptions(use_threads=False), parse_options=parse, convert_options=convert
        ) as reader:
            yield from reader
    except (pyarrow.ArrowInvalid, pyarrow.ArrowKeyError) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from None
