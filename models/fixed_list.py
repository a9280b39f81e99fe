"""A control recommender that knows nothing of its user: the catalogue in one order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Self

from interplay_bench.adapter import Recommender, Reply
from interplay_bench.card import ModelCard
from interplay_bench.dialogue import Action, Item, Mention, Role, Turn, View
from interplay_bench.errors import MisfitError, UsageError
from interplay_bench.markup import render
from interplay_bench.registry import adapter

DONE = "That is all I have. Goodbye!"


@adapter("fixed-list")
class FixedList(Recommender):
    """Control: recommends the data set's items one by one, in one seeded order for everyone."""

    window = 1000

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.items: tuple[Item, ...] | None = None

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Take the run's seed, which makes the order."""
        if argument is not None:
            raise UsageError(f"The model {card.name!r} takes nothing after a colon, but was given {argument!r}.")
        return cls(seed)

    def browse(self, items: Sequence[Item]) -> None:
        """Put the items in order: by a digest of the seed and their ids, whatever order they come in."""
        self.items = tuple(sorted(items, key=lambda item: hashlib.sha256(f"{self.seed}/{item.id}".encode()).digest()))

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Recommend the first item that nobody named yet; take leave when there is none."""
        if self.items is None:
            raise MisfitError("fixed-list recommends from a data set's items, and this task shows it none.")
        return [_reply(self._next(view)) for view in views]

    def _next(self, view: View) -> Item | None:
        named = {item for turn in view.turns for item in turn.items}
        return next((item for item in self.items or () if item not in named), None)


def _reply(item: Item | None) -> Reply:
    if item is None:
        turn = Turn(Role.RECOMMENDER, Action.CHAT, DONE)
        return Reply(turn, render(turn))
    before = "You may enjoy "
    mention = Mention(item, len(before), len(before) + len(item.name))
    turn = Turn(Role.RECOMMENDER, Action.RECOMMEND, f"{before}{item.name}.", (mention,), (item,))
    return Reply(turn, render(turn))
