"""Titles of ReDial's and MovieLens' films: found by their labels and ids, and taken for no other film."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from interplay_bench.datasets.load import item_catalog, load_dataset
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_recognition import same


@pytest.mark.slow
def test_titles_of_redial_are_found_in_plain_text(data: Path) -> None:
    """The loader writes titles where the release has ids: those 792 ids are the labels; nobody chose them by hand."""
    file = str(data / "redial" / "test_data.jsonl")
    source = load_dataset("redial", file)
    titles = item_catalog(source, file).titles
    labels = found = labelled = right = 0
    for turn in (turn for dialogue in source.dialogues for turn in dialogue.turns if turn.mentions):
        labels += len(turn.mentions)
        for mention in titles.mentions(turn.text):
            found += 1
            golds = [gold for gold in turn.mentions if mention.start < gold.end and gold.start < mention.end]
            labelled += bool(golds)
            right += any(same(mention.item, gold.item) for gold in golds)
    assert labels == 792
    assert len(titles) > 6000
    assert right / labelled >= 0.99
    assert right / labels >= 0.97
    # Beside the labels stand eight titles that seekers typed without marking them: "is kind of like Dunkirk".
    assert found - labelled <= 8


def _movielens(data: Path) -> list[tuple[Item, str]]:
    """MovieLens' films with their ids at IMDb."""
    from interplay_bench.metrics.match_score.ratings import read_movielens

    folder = data / "movielens" / "ml-latest-small"
    with (folder / "links.csv").open(encoding="utf-8") as file:
        imdb = {row[0]: f"tt{row[1]}" for row in csv.reader(file)}
    return [(film, imdb.get(film.id, "")) for film in read_movielens(folder).catalog]


@pytest.mark.slow
def test_films_that_the_catalogue_lacks_become_no_other_film(data: Path) -> None:
    file = str(data / "redial" / "test_data.jsonl")
    titles = item_catalog(load_dataset("redial", file), file).titles
    facts = json.loads((data / "redial" / "id2info.json").read_text(encoding="utf-8"))
    known = {fact.get("imdb_id") for fact in facts.values()}
    lacking = [film for film, imdb in _movielens(data) if imdb not in known and film.year]
    lacking = [film for film in lacking if titles.find(film.title, film.year) is None]
    wrong = [film.name for film in lacking if titles.mentions(f"You should watch {film.title} ({film.year}).")]
    assert len(lacking) > 5000
    assert len(wrong) / len(lacking) <= 0.005


def test_redials_films_are_found_in_movielens(data: Path) -> None:
    facts = json.loads((data / "redial" / "id2info.json").read_text(encoding="utf-8"))
    named = {fact["imdb_id"]: fact["name"] for fact in facts.values() if fact.get("imdb_id")}
    films = _movielens(data)
    titles = TitleIndex(film for film, _ in films)
    imdb = {film.id: each for film, each in films}
    # The facts were gathered by title, so that some have the id of another film: those whose year is another one.
    years = {imdb: film.year for film, imdb in films}
    both = [(named[each], each) for _, each in films if each in named and title_and_year(named[each])[1] == years[each]]
    found = sum(
        item is not None and imdb[item.id] == each for item, each in ((titles.find(n), each) for n, each in both)
    )
    assert len(both) > 1000
    assert found / len(both) >= 0.97
