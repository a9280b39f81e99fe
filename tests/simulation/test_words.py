"""The rules over words: confusion, farewells, transitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interplay_bench.dialogues.dialogue import Action, Role, Turn
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.role_confusion import confusion, contradiction
from interplay_bench.simulation.transitions import render_transitions, transitions


@pytest.mark.parametrize(
    ("role", "text", "confused"),
    [
        (Role.USER, "I'd recommend Heat.", True),
        (Role.USER, "You might like Heat, it's great.", True),
        (Role.USER, "Can you recommend something?", False),
        (Role.USER, "What would you recommend?", False),
        (Role.USER, "Would you say that it is funny?", False),
        (Role.RECOMMENDER, "I'm looking for a comedy.", True),
        (Role.RECOMMENDER, "I’m really in the mood for a comedy.", True),
        (Role.RECOMMENDER, "Thanks for the recommendation!", True),
        (Role.RECOMMENDER, "Are you looking for a comedy?", False),
        (Role.RECOMMENDER, "If you are in the mood for songs, try Once.", False),
    ],
)
def test_words_of_the_other_role(role: Role, text: str, confused: bool) -> None:
    found = confusion(Turn(role, Action.CHAT, text), role, recommended=True)
    assert (found is not None) is confused


@pytest.mark.parametrize(
    ("action", "text", "contradicts"),
    [
        (Action.ACCEPT, "I appreciate the suggestion, but I have to say no.", True),
        (Action.ACCEPT, "That sounds great, I'll watch it!", False),
        (Action.FEEDBACK, "That sounds great, I'll watch it!", True),
        (Action.FEEDBACK, "I'll pass on that one.", False),
        (Action.DISCLOSE_GOAL, "I'll pass on horror.", False),
    ],
)
def test_words_that_deny_the_action(action: Action, text: str, contradicts: bool) -> None:
    assert (contradiction(Turn(Role.USER, action, text)) is not None) is contradicts


def test_transitions_run_from_start_to_end(talk: Callable[..., Episode]) -> None:
    yes = "<action><accept></action><response>Yes.</response>"
    no = "<action><feedback></action><response>No.</response>"
    dune = "<action><recommend></action><response><book_title>Dune</book_title></response>"
    matrix = transitions([talk([no, yes], [dune])])
    assert matrix == {
        "start": {"user feedback": 1},
        "user feedback": {"recommender recommend": 1},
        "user accept": {"end": 1},
        "recommender recommend": {"user accept": 1},
    }
    assert "100" in render_transitions(matrix)
