"""Ratings in MovieLens' format."""

from __future__ import annotations

from pathlib import Path

import pytest

from interplay_bench.environment.errors import DataError
from interplay_bench.metrics.match_score.ratings import read_movielens

MOVIES = (
    "movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n"
    '7,"Matrix, The (1999)",Action\n9,Odd,(no genres listed)\n'
)
RATINGS = "userId,movieId,rating,timestamp\n5,1,4.0,1\n5,7,3.5,2\n5,9,3.0,3\n8,7,5.0,4\n"
TAGS = "userId,movieId,tag,timestamp\n5,1,toys,1\n8,1,Toys,2\n8,1,pixar,3\n"


def release(folder: Path, **files: str) -> Path:
    for name, text in {"movies": MOVIES, "ratings": RATINGS, "tags": TAGS, **files}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_release_is_read(tmp_path: Path) -> None:
    data = read_movielens(release(tmp_path))
    assert (data.read, data.user_count, len(data.catalog)) == (4, 2, 3)
    assert list(zip(data.users, data.items, strict=True)) == [(0, 0), (0, 1), (1, 1)]
    assert data.texts[0] == "Toy Story. toys, pixar. Animation, Comedy"
    assert (data.catalog[1].title, data.catalog[1].year) == ("Matrix, The", 1999)
    assert data.texts[2] == "Odd"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"ratings": RATINGS + "8,7\n"}, "Row #6"),
        ({"ratings": RATINGS + "8,7,many,4\n"}, "many"),
        ({"ratings": RATINGS + "8,70,4.0,4\n"}, "70"),
        ({"ratings": "userId,movieId,rating,timestamp\n"}, "no rating"),
        ({"ratings": "user,movieId,rating\n1,1,5\n"}, "userId"),
        ({"movies": ""}, "movies.csv"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, files: dict[str, str], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_movielens(release(tmp_path, **files))


def test_a_release_without_tags_will_do(tmp_path: Path) -> None:
    release(tmp_path)
    (tmp_path / "tags.csv").unlink()
    assert read_movielens(tmp_path).texts[0] == "Toy Story. Animation, Comedy"
    (tmp_path / "ratings.csv").unlink()
    with pytest.raises(DataError, match=r"ratings\.csv does not exist"):
        read_movielens(tmp_path)


def test_rows_that_say_nothing_are_dropped_by_reason(tmp_path: Path) -> None:
    movies = MOVIES + "-1,Nobody (1990),Drama\n,No Id (1991),Drama\n7,Another (1992),Drama\n11,,Drama\n"
    odd = "5,-1,5,1\n,1,5,1\n-3,1,5,1\n8,,5,1\n8,1,NaN,1\n8,1,,1\n8,1,inf,1\n8,1,99,1\n8,1,-2,1\n"
    data = read_movielens(release(tmp_path, movies=movies, ratings=RATINGS + odd + "5,7,1.0,9\n"))
    assert [item.id for item in data.catalog] == ["1", "7", "9"]
    assert data.catalog[1].title == "Matrix, The"
    assert list(zip(data.users, data.items, strict=True)) == [(0, 0), (1, 1)]
    assert data.dropped == {
        "movie without a valid id": 2,
        "movie id listed before": 1,
        "movie without a title": 1,
        "rating without a valid user id": 2,
        "rating without a valid movie id": 2,
        "rating without a number of stars": 3,
        "rating outside of the scale": 2,
        "rating of a pair that is rated again later": 1,
        "rating below 3.5 stars": 2,
    }
    assert data.read == len(data.users) + sum(n for reason, n in data.dropped.items() if reason.startswith("rating"))


def test_huge_ids_cost_no_memory(tmp_path: Path) -> None:
    huge = 2**60
    data = read_movielens(release(tmp_path, movies=f"{MOVIES}{huge},Far,Drama\n", ratings=f"{RATINGS}5,{huge},5,1\n"))
    assert list(data.items) == [0, 1, 1, 3]
