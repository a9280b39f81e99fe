"""A data set for tests of training: short talks about books, with a ``train`` split."""

from __future__ import annotations

from interplay_bench import Action, Dialogue, DialogueSet, Item, Mention, Persona, Preprocessing, Role, Source, Turn
from interplay_bench.datasets.dataset_entry import dataset

BOOKS = [Item(f"b{n}", title, None, domain="book") for n, title in enumerate(["Dune", "Emma", "Beloved", "Ulysses"])]


def proposal(item: Item) -> Turn:
    mention = Mention(item, 4, 4 + len(item.name))
    return Turn(Role.RECOMMENDER, Action.RECOMMEND, f"Try {item.name}, with café scenes.", (mention,), (item,))


def talk(number: int) -> Dialogue:
    target, other = BOOKS[number % 4], BOOKS[(number + 1) % 4]
    turns = (
        Turn(Role.USER, Action.GREETING, "Hello there."),
        proposal(other),
        Turn(Role.USER, Action.FEEDBACK, f"No, I have read {other.title} {number} times."),
        proposal(target),
        Turn(Role.USER, Action.ACCEPT, "Yes please!" + " Good." * (number % 5)),
        Turn(Role.RECOMMENDER, Action.CHAT, "Enjoy <accept> it."),
    )
    persona = Persona("Likes books.", (), f"Something like book {number % 4}.")
    return Dialogue(f"t{number}", f"u{number}", persona, target, turns)


@dataset("talks", splits=("train", "test"))
def load(source: Source) -> DialogueSet:
    """Short talks about books; ``data`` is how many."""
    count = int(source.data or 12)
    return DialogueSet("talks", source.split, tuple(map(talk, range(count))), tuple(BOOKS), Preprocessing(count))
