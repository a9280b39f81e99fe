from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace

import pytest

from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn, View

TARGET = Item("1", "Heat", 1995)
OTHER = Item("2", "Ronin", 1998)
SEEN = Item("3", "Collateral", 2004)


def turn(role: Role, action: Action, text: str, *items: Item) -> Turn:
    mentions = []
    for item in items:
        start = text.index(item.title)
        mentions.append(Mention(item, start, start + len(item.title)))
    return Turn(role, action, text, tuple(mentions), items if action is Action.RECOMMEND else ())


DIALOGUE = Dialogue(
    id="d",
    user_id="u",
    persona=Persona("Likes: thrillers.", (SeenItem(SEEN, "Tense."),), "A tense duel in Los Angeles."),
    target=TARGET,
    turns=(
        turn(Role.USER, Action.DISCLOSE_GOAL, "A thriller, please."),
        turn(Role.RECOMMENDER, Action.RECOMMEND, "Try Ronin.", OTHER),
        turn(Role.USER, Action.FEEDBACK, "Seen it."),
        turn(Role.RECOMMENDER, Action.RECOMMEND, "Then Heat.", TARGET),
        turn(Role.USER, Action.ACCEPT, "Perfect."),
    ),
)


def reachable(thing: object) -> Iterator[object]:
    """Everything within ``thing``, through fields, containers and slots."""
    yield thing
    if is_dataclass(thing) and not isinstance(thing, type):
        for each in fields(thing):
            yield from reachable(getattr(thing, each.name))
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from reachable(key)
            yield from reachable(value)
    elif isinstance(thing, tuple | list | set | frozenset):
        for each in thing:
            yield from reachable(each)


@pytest.mark.parametrize("role", Role)
def test_the_target_cannot_be_reached_from_a_view_before_it_is_proposed(role: Role) -> None:
    for upto in range(4):
        within = list(reachable(DIALOGUE.view(role, upto)))
        assert TARGET not in within
        assert DIALOGUE not in within
        assert not any(isinstance(each, str) and TARGET.title in each for each in within)
    assert TARGET in reachable(DIALOGUE.view(role, 4))


def test_a_view_has_no_room_for_a_target() -> None:
    assert {each.name for each in fields(View)} == {"role", "persona", "turns"}
    view = DIALOGUE.view(Role.USER, 1)
    assert not hasattr(view, "__dict__")
    assert not hasattr(view, "target")
    with pytest.raises((AttributeError, TypeError)):
        view.target = TARGET  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        View(Role.USER, DIALOGUE.persona, (), target=TARGET)  # type: ignore[call-arg]


def test_the_recommender_does_not_see_what_the_user_looks_for() -> None:
    assert DIALOGUE.view(Role.RECOMMENDER, 3).persona == replace(DIALOGUE.persona, target_attributes="")
    assert DIALOGUE.view(Role.USER, 3).persona == DIALOGUE.persona


def test_proposals_and_the_targets_turn() -> None:
    assert list(DIALOGUE.proposals()) == [1, 3]
    assert DIALOGUE.target_turn() == 3
    assert replace(DIALOGUE, target=None).target_turn() is None
    assert replace(DIALOGUE, target=SEEN).target_turn() is None


def test_turns_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="cannot recommend"):
        Turn(Role.USER, Action.RECOMMEND, "Try it")
    with pytest.raises(ValueError, match="only a recommender"):
        Turn(Role.USER, Action.CHAT, "Heat", recommended=(TARGET,))
    with pytest.raises(ValueError, match="overlaps another or leaves"):
        Turn(Role.USER, Action.CHAT, "Heat", (Mention(TARGET, 0, 4), Mention(OTHER, 2, 4)))
    with pytest.raises(ValueError, match="overlaps another or leaves"):
        Turn(Role.USER, Action.CHAT, "Heat", (Mention(TARGET, 0, 5),))


def test_names() -> None:
    assert TARGET.name == "Heat (1995)"
    assert Item("x", "Heat").name == "Heat"


def test_of_a_turn_with_liked_and_disliked_items_there_is_no_opinion() -> None:
    heat, big = Item("1", "Heat", 1995), Item("2", "Big", 1988)
    turns = tuple(
        Turn(Role.RECOMMENDER, Action.RECOMMEND, "Try.", (), items) for items in ((heat,), (big,), (heat, big))
    )
    known = Dialogue("d", "u", Persona(), heat, turns, {"1": True, "2": False})
    assert [known.opinion(index) for index in range(3)] == [True, False, None]
