"""The committed sample data set: what its composer makes, and free of the cues it must not have."""

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest

from interplay_bench.datasets.sample import cast, compose

FIELDS = {
    "data_id",
    "user_id",
    "user_persona",
    "seen_movie_titles",
    "gt_movie_title",
    "gt_genre",
    "gt_director",
    "gt_cast",
    "gt_abstract",
    "dialogue",
}
BY_NAME = {film.name: film for film in cast.FILMS}
SPLITS: dict[str, list[dict[str, Any]]] = {
    split: json.loads((cast.HERE / f"{split}.json").read_text(encoding="utf-8")) for split in cast.SIZES
}
LONGEST_TITLE_FIRST = sorted(cast.FILMS, key=lambda film: -len(film.title))
ROWS = [row for rows in SPLITS.values() for row in rows]


def recommended(row: dict[str, Any]) -> list[tuple[int, cast.Film]]:
    """The recommendations of a dialogue: turn number and film."""
    return read_recommendations(tuple(row["dialogue"]))


@cache
def read_recommendations(dialogue: tuple[str, ...]) -> list[tuple[int, cast.Film]]:
    found = []
    for number, turn in enumerate(dialogue):
        film = next((film for film in LONGEST_TITLE_FIRST if film.title in turn), None)
        if number > 1 and turn.startswith("Recommender") and film:
            found.append((number, film))
    return found


def position(row: dict[str, Any]) -> int:
    """Which recommendation the target is, counted from one."""
    return [film.name for _, film in recommended(row)].index(row["gt_movie_title"]) + 1


@pytest.fixture(scope="module")
def composed() -> dict[str, str]:
    return compose.compose()


@pytest.mark.parametrize("split", cast.SIZES)
def test_committed_files_are_what_the_composer_makes(composed: dict[str, str], split: str) -> None:
    assert (cast.HERE / f"{split}.json").read_bytes() == composed[f"{split}.json"].encode()


def test_every_record_has_pearls_format() -> None:
    for row in ROWS:
        check_format(row)


def check_format(row: dict[str, Any]) -> None:
    film = BY_NAME[row["gt_movie_title"]]
    assert set(row) == FIELDS
    assert row["dialogue"][:2] == cast.SEED_DIALOGUE
    assert all(re.match(r"(Seeker|Recommender): ", turn) for turn in row["dialogue"])
    assert len(row["user_persona"].split("\n\n")) == len(row["seen_movie_titles"]) == 3
    assert all(re.match(r"\[(Like|Dislike)\] \S", text) for text in row["user_persona"].split("\n\n"))
    facts = f"Genre: {row['gt_genre']}\nDirector: {row['gt_director']}\nCast: {row['gt_cast']}"
    assert row["gt_abstract"].startswith(f"Title: {film.name}\n{facts}\nReview: ")


def test_film_facts_are_complete_and_premises_do_not_name_the_film() -> None:
    assert len(BY_NAME) == len(cast.FILMS) >= 180
    for film in cast.FILMS:
        assert 1930 < film.year < 2026
        assert len(film.cast) == 3
        assert 1 <= len(film.genres) <= 3
        assert 4 <= len(set(film.traits)) <= 6
        assert set(film.traits) <= set(cast.VOCABULARY)
        assert not cast.hints(film.premise, film)
    assert all(len(set(forms[kind])) >= 3 for forms in cast.VOCABULARY.values() for kind in ("praise", "ask"))
    assert all(len(set(forms[kind])) >= 3 for forms in cast.VOCABULARY.values() for kind in ("pitch", "gripe"))


def test_premises_and_names_hold_no_other_films_title() -> None:
    for film in cast.FILMS:
        texts = (film.premise, *film.directors, *film.cast[:2])
        others = [other.title for other in cast.FILMS if other is not film]
        assert not [(film.name, t) for t in others for text in texts if re.search(rf"\b{re.escape(t)}\b", text)]


def test_every_trait_of_a_film_can_be_worded_without_hinting_at_it() -> None:
    for film in cast.FILMS:
        for kind in ("praise", "ask"):
            assert cast.sayable(film.traits, set(film.traits), kind, [film]) == list(film.traits), film.name


def test_the_data_card_counts_right() -> None:
    card = (cast.HERE / "README.md").read_text(encoding="utf-8")
    for split, rows in SPLITS.items():
        users, targets = ({row[key] for row in rows} for key in ("user_id", "gt_movie_title"))
        films = {film for row in rows for _, film in recommended(row)}
        assert f"| {split} | {len(rows)} | {len(users)} | {len(targets)} | {len(films)} |" in card
    assert f"{len(cast.FILMS)} films" in card
    assert f"{len(cast.VOCABULARY)} traits" in card


def test_no_film_is_recommended_in_two_splits() -> None:
    films = {split: {film for row in rows for _, film in recommended(row)} for split, rows in SPLITS.items()}
    assert not films["train"] & films["test"]
    assert not films["train"] & films["valid"]
    assert not films["valid"] & films["test"]
    assert len(set.union(*films.values())) >= 150


def test_everybody_is_seen_in_train_with_the_same_history() -> None:
    train = {row["user_id"]: (row["user_persona"], row["seen_movie_titles"]) for row in SPLITS["train"]}
    for row in ROWS:
        assert train[row["user_id"]] == (row["user_persona"], row["seen_movie_titles"])


@pytest.mark.parametrize("split", cast.SIZES)
def test_position_is_no_cue(split: str) -> None:
    positions = Counter(position(row) for row in SPLITS[split])
    assert set(positions) == set(range(1, cast.ROUNDS + 1))
    assert max(positions.values()) / len(SPLITS[split]) <= 0.22


@pytest.mark.parametrize("split", cast.SIZES)
def test_length_and_questions_are_no_cue(split: str) -> None:
    sizes: dict[bool, list[int]] = {True: [], False: []}
    after_question = 0
    for row in SPLITS[split]:
        told = recommended(row)
        turns = {number for number, _ in told}
        for number, film in told:
            sizes[film.name == row["gt_movie_title"]].append(len(row["dialogue"][number].split()))
        first = next((film for number, film in told if number > 3 and number - 2 not in turns), None)
        after_question += first is not None and first.name == row["gt_movie_title"]
    mean = {target: sum(words) / len(words) for target, words in sizes.items()}
    assert abs(mean[True] - mean[False]) < 4
    assert after_question / len(SPLITS[split]) <= 0.22


def test_target_comes_last_once_and_within_six_rounds() -> None:
    for row in ROWS:
        films = [film for _, film in recommended(row)]
        assert len(films) <= cast.ROUNDS
        assert films[-1].name == row["gt_movie_title"]
        assert len(set(films)) == len(films)
        assert not {film.name for film in films} & set(row["seen_movie_titles"])


def test_nothing_gives_the_target_away() -> None:
    for row in ROWS:
        film = BY_NAME[row["gt_movie_title"]]
        compose.check(row, film)
        told = recommended(row)
        assert not any(cast.names(turn, film) for turn in row["dialogue"][: told[-1][0]])
        texts = row["user_persona"].split("\n\n")
        for text in texts:
            assert not any(cast.hints(text, BY_NAME[title]) for title in row["seen_movie_titles"])


def test_pitches_tell_the_target_from_the_distractors() -> None:
    for row in ROWS:
        target = BY_NAME[row["gt_movie_title"]]
        review = row["gt_abstract"].split("Review: ")[1]
        named = {t for t in target.traits if any(form in review for form in cast.VOCABULARY[t]["praise"])}
        for number, film in recommended(row):
            turn = row["dialogue"][number]
            pitched = {t for t in film.traits if any(form in turn for form in cast.VOCABULARY[t]["pitch"])}
            assert 2 <= len(pitched) <= 3
            if film is target:
                assert len(pitched & named) >= 2
            else:
                assert len(cast.shared(film, target)) <= 1
                assert len(pitched & named) <= 1


def test_a_hint_is_found_whatever_the_case_article_or_year() -> None:
    film = BY_NAME["The Godfather (1972)"]
    assert cast.hints("like a GODFATHER to me", film)
    assert not cast.hints("a film about the mob", film)
    assert cast.names("they all get out, alive", BY_NAME["Get Out (2017)"])
    assert not cast.hints("I'd get a night out of it", BY_NAME["Get Out (2017)"])


def test_check_refuses_a_record_that_names_its_target() -> None:
    row = SPLITS["test"][0]
    told = {**row, "user_persona": f"[Like] {BY_NAME[row['gt_movie_title']].title.upper()} was fine."}
    with pytest.raises(AssertionError, match="hints at"):
        compose.check(told, BY_NAME[row["gt_movie_title"]])


def test_rejections_never_sound_like_an_acceptance() -> None:
    for row in ROWS:
        last = recommended(row)[-1][0]
        for turn in (turn for turn in row["dialogue"][2:last] if turn.startswith("Seeker")):
            assert not re.search(r"perfect|i'll (watch it|take it|go with)|\bsold\b", turn.casefold().replace("’", "'"))


def test_pearls_quirks_are_there() -> None:
    for split, rows in SPLITS.items():
        marked = sum(any("[EOD]" in turn for turn in row["dialogue"]) for row in rows)
        runs_on = sum(recommended(row)[-1][0] < len(row["dialogue"]) - 3 for row in rows)
        blank = sum(any(not turn.partition(": ")[2] for turn in row["dialogue"]) for row in rows)
        assert 0.12 <= marked / len(rows) <= 0.18
        assert 0.06 <= runs_on / len(rows) <= 0.1
        assert (0.02 <= blank / len(rows) <= 0.03) if split == "train" else blank == 0
