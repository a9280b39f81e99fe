"""Controls that are fitted on the train split: what they learn, what they are blind to, and where they cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interplay_bench import (
    Action,
    Dialogue,
    DialogueSet,
    Item,
    Mention,
    Persona,
    Preprocessing,
    Role,
    Turn,
    Verdict,
    View,
)
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulators import model_spec as models
from interplay_bench.simulators.adapter import CatalogAware, UserSimulator

FILMS = tuple(Item(str(n), f"Film {n}", 1990 + n) for n in range(6))
WISH = "A heist with clever robbers."


def dialogue(number: int, place: int, *, told: bool = False, wish: str = WISH) -> Dialogue:
    """Three proposals, the target at ``place`` (from 0); ``told``: the target's turn has the wish's words."""
    turns: list[Turn] = [Turn(Role.USER, Action.DISCLOSE_GOAL, "Hello.")]
    for at, film in enumerate(FILMS[:3]):
        about = "clever robbers plan a heist" if told and at == place else "people talk in a kitchen"
        text = f"{film.name}: {about}"
        turns += [Turn(Role.RECOMMENDER, Action.RECOMMEND, text, (Mention(film, 0, len(film.name)),), (film,)),
                  Turn(Role.USER, Action.FEEDBACK, "Hm.")]  # fmt: skip
    return Dialogue(f"d{number}", f"u{number}", Persona("", (), wish), FILMS[place], tuple(turns))


def split(name: str, *dialogues: Dialogue) -> DialogueSet:
    return DialogueSet("toy", name, dialogues, FILMS, Preprocessing(len(dialogues)))


def fitted(name: str, train: DialogueSet | None) -> UserSimulator:
    model = models.find(name).build().adapter
    assert isinstance(model, UserSimulator)
    assert isinstance(model, CatalogAware)
    model.set_catalog(ItemCatalog(split("test", dialogue(99, 0)), lambda: train))
    return model


def taken(model: UserSimulator, given: Dialogue) -> list[bool]:
    views = [View.of(Role.USER, given.persona, given.turns[: at + 1]) for at in given.proposals()]
    return [decision.verdict is Verdict.ACCEPT for decision in model.decide(views)]


def test_position_takes_the_place_where_targets_are() -> None:
    model = fitted("position", split("train", *(dialogue(n, 1 if n % 4 else 2) for n in range(40))))
    assert taken(model, dialogue(50, 0))[:2] == [False, True]


def test_position_knows_neither_words_nor_persona() -> None:
    model = fitted("position", split("train", *(dialogue(n, n % 3, told=True) for n in range(30))))
    plain, told = dialogue(50, 0), dialogue(51, 2, told=True, wish="Something else entirely.")
    assert taken(model, plain) == taken(model, told)


def test_overlap_takes_what_shares_words_with_the_wish() -> None:
    model = fitted("overlap", split("train", *(dialogue(n, n % 3, told=True) for n in range(30))))
    for place in range(3):
        assert taken(model, dialogue(50, place, told=True)) == [at == place for at in range(3)]
    assert taken(model, dialogue(50, 1, told=True, wish="Quiet nature.")) == [False] * 3


def test_the_probability_ranks_what_is_taken_above_what_is_not() -> None:
    model = fitted("overlap", split("train", *(dialogue(n, n % 3, told=True) for n in range(30))))
    given = dialogue(50, 1, told=True)
    views = [View.of(Role.USER, given.persona, given.turns[: at + 1]) for at in given.proposals()]
    probabilities = [decision.probability or 0.0 for decision in model.decide(views)]
    assert probabilities[1] == max(probabilities)
    assert all(0 <= p <= 1 for p in probabilities)


@pytest.mark.parametrize("name", ["position", "overlap"])
def test_the_identity_knows_what_was_learnt_from(name: str) -> None:
    dialogues = [dialogue(n, n % 3, told=True) for n in range(12)]
    one, same = (fitted(name, split("train", *dialogues)) for _ in range(2))
    other = fitted(name, split("train", *dialogues[:-1], replace(dialogues[-1], id="another")))
    assert one.identity() == same.identity()
    assert one.identity()["fitted_on"] != other.identity()["fitted_on"]


@pytest.mark.parametrize("name", ["position", "overlap"])
@pytest.mark.parametrize("train", [None, split("train"), split("train", dialogue(0, 0))])
def test_without_a_train_split_it_is_left_out(name: str, train: DialogueSet | None) -> None:
    with pytest.raises(IncompatibleModelError, match="fitted on the train split, and toy has none"):
        fitted(name, train)


def test_it_decides_nothing_before_it_is_fitted() -> None:
    model = models.find("position").build().adapter
    assert isinstance(model, UserSimulator)
    with pytest.raises(IncompatibleModelError, match="fitted first"):
        model.decide([View.of(Role.USER, Persona(), dialogue(0, 0).turns[:2])])
