from __future__ import annotations

import pytest

from interplay_bench import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn
from interplay_bench.dialogues.counterfactual import Distractors, swap

HEAT = Item("1", "Heat", 1995, attributes={"genre": ("crime",)})
RONIN = Item("2", "Ronin", 1998, attributes={"genre": ("crime",)})
SEVEN = Item("3", "Seven", 1995, attributes={"genre": ("crime",)})
CASINO = Item("4", "Casino", 1971, attributes={"genre": ("crime",)})
BIG = Item("5", "Big", 1996, attributes={"genre": ("comedy",)})


def recommend(text: str, *items: Item) -> Turn:
    mentions = tuple(Mention(item, text.index(item.title), text.index(item.title) + len(item.title)) for item in items)
    return Turn(Role.RECOMMENDER, Action.RECOMMEND, text, mentions, items)


def dialogue(*turns: Turn, seen: tuple[Item, ...] = ()) -> Dialogue:
    return Dialogue("d", "u", Persona("", tuple(SeenItem(item, "") for item in seen), ""), HEAT, turns)


@pytest.mark.parametrize(
    ("surface", "renamed"), [("Heat", "Ronin"), ("Heat (1995)", "Ronin (1998)"), ("HEAT", "Ronin")]
)
def test_a_distractor_has_its_year_where_the_target_had_one(surface: str, renamed: str) -> None:
    text = f"Try {surface}, or Seven."
    mentions = (Mention(HEAT, 4, 4 + len(surface)), Mention(SEVEN, text.index("Seven"), text.index("Seven") + 5))
    swapped = swap(dialogue(Turn(Role.RECOMMENDER, Action.RECOMMEND, text, mentions, (HEAT, SEVEN))), RONIN)
    (turn,) = swapped.turns
    assert turn.text == f"Try {renamed}, or Seven."
    assert [turn.text[mention.start : mention.end] for mention in turn.mentions] == [renamed, "Seven"]
    assert turn.recommended == (RONIN, SEVEN)
    assert swapped.target == HEAT


def test_a_distractor_is_of_the_targets_genre_and_decade_and_new_to_the_dialogue() -> None:
    items = (HEAT, RONIN, SEVEN, CASINO, BIG)
    for seed in range(20):
        distractors = Distractors(items, seed)
        assert distractors.draw(dialogue(recommend("Heat.", HEAT))) in (RONIN, SEVEN)
        assert distractors.draw(dialogue(recommend("Seven.", SEVEN))) == RONIN
        assert distractors.draw(dialogue(recommend("Seven.", SEVEN), seen=(RONIN,))) == CASINO
    assert Distractors((HEAT, BIG), 0).draw(dialogue(recommend("Heat.", HEAT))) is None


def test_a_random_distractor_is_any_new_item_of_the_targets_domain() -> None:
    book = Item("6", "Dune", 1965, domain="book")
    drawn = {
        Distractors((HEAT, RONIN, BIG, book), seed, "random").draw(dialogue(recommend("Heat.", HEAT)))
        for seed in range(20)
    }
    assert drawn == {RONIN, BIG}
