"""Many dialogues at once are the same dialogues as one at a time, and the batch stays full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from interplay_bench import Reply, View
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from tests.simulation.talk_plugin import BOOKS, CATALOG, Bookseller, Scripted, Talkative, alternates, gold

TITLES = TitleIndex(BOOKS)


def episodes(window: int, count: int = 60) -> list[Episode]:
    pair = Pair.of(Talkative(), Bookseller(), CATALOG)
    found = dict(converse(pair, dict(enumerate(map(gold, range(count)))), TITLES, SimulationConfig(window=window)))
    return [found[number] for number in range(count)]


@pytest.mark.parametrize("window", [7, 64])
def test_the_window_changes_nothing(window: int) -> None:
    assert episodes(window) == episodes(1)


def test_every_ending_comes_up_and_sides_alternate() -> None:
    found = episodes(16)
    assert {str(episode.end) for episode in found} >= {"accepted", "goodbye", "broken"}
    assert all(alternates(episode.dialogue.turns) for episode in found)


def test_finished_dialogues_make_room_at_once() -> None:
    user = Scripted("<action><feedback></action><response>No.</response>")
    recommender = Scripted("<action><recommend></action><response><book_title>Dune</book_title></response>")
    pair = Pair(user, recommender)
    list(converse(pair, dict(enumerate(map(gold, range(10)))), TITLES, SimulationConfig(max_turns=4, window=4)))
    assert user.batches == [4, 4, 2]
    assert recommender.batches == [4, 4, 2]


def test_decisions_are_asked_for_after_recommendations_only() -> None:
    pair = Pair.of(Talkative(), Bookseller(), CATALOG)
    rules = SimulationConfig(window=8, decisions=True)
    found = dict(converse(pair, dict(enumerate(map(gold, range(20)))), TITLES, rules))
    counts: Counter[bool] = Counter()
    for episode in found.values():
        for before, turn, note in zip(
            episode.dialogue.turns, episode.dialogue.turns[1:], episode.notes[1:], strict=False
        ):
            asked = before.action == "recommend" and bool(before.items)
            assert (note.verdict is not None) is asked, (before, turn)
            counts[asked] += 1
    assert counts[True] > 20


def test_a_side_that_does_not_reply_is_named() -> None:
    class Mute(Bookseller):
        def respond(self, views: Sequence[View]) -> list[Reply]:
            return []

    pair = Pair.of(Talkative(), Mute(), CATALOG)
    with pytest.raises(IncompatibleModelError, match=r"Mute\.respond gives 0 answers to \d views"):
        list(converse(pair, dict(enumerate(map(gold, range(3)))), TITLES, SimulationConfig()))
