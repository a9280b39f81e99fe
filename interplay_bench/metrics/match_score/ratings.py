"""Who liked what: ratings in MovieLens' format, read as a stream into compact arrays.

A rating of at least ``LIKED`` stars is a positive, as is usual for implicit feedback. Rows that say nothing of the kind
are dropped and counted by reason: no id, an id below zero, stars that are no number of the scale, a movie listed twice
(its first row counts), a pair of user and movie rated twice (its last row counts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIKED = 3.5
SCALE = (0.5, 5.0)
"""The fewest and the most stars."""
TAGS = 10
"""How many of an item's tags its text holds: those given most often."""
PLACES = ("movielens-latest-small", "ml-latest-small", "movielens-32m", "ml-32m")


@dataclass(frozen=True)
class Interactions:
    """Positives: ``users`` and ``items`` are int32 arrays of one length, of indices below ``user_count`` and into
    ``catalog``; ``texts`` are the items' texts. ``read``: ratings read. ``dropped``: rows that were left out, by
    reason; ratings below :data:`LIKED` are among them. ``synthetic``: composed, not collected.
    """

    name: str
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    user_count: int
    catalog: tuple[Item, ...]
    texts: tuple[str, ...]
    read: int
    synthetic: bool = False
    dropped: Mapping[str, int] = field(default_factory=dict)


def read_movielens(folder: Path) -> Interactions:
    """Read ``ratings.csv``, ``movies.csv`` and, where it is there, ``tags.csv`` of a MovieLens release.

    Raises :class:`DataError` that names the file, and the row where it is broken.
    """
    import numpy as np

    dropped: Counter[str] = Counter()
    movies = _movies(folder / "movies.csv", dropped)
    tags = _tags(folder / "tags.csv", dropped)
    catalog, texts = [], []
    for number, (name, listed) in movies.items():
        title, year = title_and_year(name)
        genres = tuple(genre for genre in listed.split("|") if genre[:1] != "(")
        catalog.append(Item(str(number), title, year, attributes={"genre": genres}))
        texts.append(item_text(title, tags.get(number, ()), genres))
    users, items, read = _positives(folder / "ratings.csv", np.fromiter(movies, np.int64), dropped)
    known, compact = np.unique(users, return_inverse=True)
    return Interactions(
        folder.name, compact.astype(np.int32), items, len(known), tuple(catalog), tuple(texts), read, dropped=dropped
    )


def item_text(title: str, tags: tuple[str, ...], genres: tuple[str, ...]) -> str:
    """What the encoder reads of an item: title, tags, genres (section 4.3)."""
    return ". ".join(part for part in (title, ", ".join(tags), ", ".join(genres)) if part)


def _movies(path: Path, dropped: Counter[str]) -> dict[int, tuple[str, str]]:
    """The title and the genres of each movie, by its id."""
    table = _table(path, {"movieId": "int64", "title": "string", "genres": "string"})
    movies: dict[int, tuple[str, str]] = {}
    for number, title, genres in zip(table["movieId"], table["title"], table["genres"], strict=True):
        if number is None or number < 0:
            dropped["movie without a valid id"] += 1
        elif number in movies:
            dropped["movie id listed before"] += 1
        elif not title.strip():
            dropped["movie without a title"] += 1
        else:
            movies[number] = title, genres
    return movies


def _positives(
    path: Path, movies: NDArray[np.int64], dropped: Counter[str]
) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
    """The users who liked something, the row in ``movies`` of what they liked, and how many ratings were read."""
    import numpy as np

    users, items, likes, read = [], [], [], 0
    order = np.argsort(movies)
    for batch in _stream(path, {"userId": "int64", "movieId": "int64", "rating": "float64"}):
        user, movie = (batch.column(name).fill_null(-1).to_numpy() for name in ("userId", "movieId"))
        stars = batch.column("rating").fill_null(np.nan).to_numpy()
        read += len(user)
        place = np.searchsorted(movies, movie, sorter=order)
        row = np.append(order, -1)[place]
        listed = np.append(movies, -1)[row] == movie
        valid = np.ones(len(user), dtype=bool)
        for reason, wrong in (
            ("rating without a valid user id", user < 0),
            ("rating without a valid movie id", movie < 0),
            ("rating without a number of stars", ~np.isfinite(stars)),
            ("rating outside of the scale", (stars < SCALE[0]) | (stars > SCALE[1])),
        ):
            _drop(dropped, reason, valid & wrong)
            valid &= ~wrong
        if not listed[valid].all():
            unlisted = int(movie[valid & ~listed][0])
            raise DataError(
                f"{path} rates the movie {unlisted}, which movies.csv does not list: add it, or drop the row."
            )
        users.append(user[valid])
        items.append(row[valid].astype(np.int32))
        likes.append(stars[valid] >= LIKED)
    if not any(liked.any() for liked in likes):
        raise DataError(f"{path} holds no rating of {LIKED} stars or more.")
    user, item, liked = np.concatenate(users), np.concatenate(items), np.concatenate(likes)
    last = _last_of_pairs(user, item)
    _drop(dropped, "rating of a pair that is rated again later", ~last)
    _drop(dropped, f"rating below {LIKED} stars", last & ~liked)
    return user[last & liked], item[last & liked], read


def _last_of_pairs(users: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each place is the last of its pair of user and item."""
    import numpy as np

    order = np.lexsort((items, users))
    same = (np.diff(users[order]) == 0) & (np.diff(items[order]) == 0)
    last = np.ones(len(users), dtype=bool)
    last[order[:-1][same]] = False
    return last


def _drop(dropped: Counter[str], reason: str, rows: NDArray[np.bool_]) -> None:
    count = int(rows.sum())
    if count:
        dropped[reason] += count


def _tags(path: Path, dropped: Counter[str]) -> dict[int, tuple[str, ...]]:
    if not path.is_file():
        return {}
    found: dict[int, Counter[str]] = {}
    table = _table(path, {"movieId": "int64", "tag": "string"})
    for movie, tag in zip(table["movieId"], table["tag"], strict=True):
        if movie is None or movie < 0 or not tag.strip():
            dropped["tag without a valid movie id or text"] += 1
        else:
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
