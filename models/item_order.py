"""Control recommenders: the items in an order that knows little or nothing of the user. They also rank."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Self

from interplay_bench.dialogues.dialogue import Action, Item, Mention, OracleView, Role, Turn, View
from interplay_bench.dialogues.dialogue_json import turn_record
from interplay_bench.dialogues.markup import render
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.items.title_recognition import named_or_seen, same
from interplay_bench.simulators.adapter import Recommender, Reply, adapter, refuse_argument
from interplay_bench.simulators.card import ModelCard

DONE = "That is all I have. Goodbye!"


class ItemOrder(Recommender):
    """Recommends the first item of an order that was not named in the dialogue, nor seen by the user."""

    control = True
    window = 1000

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.items: tuple[Item, ...] | None = None

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Take the run's seed, which decides among equals."""
        refuse_argument(card, argument)
        return cls(seed)

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Put the items in a first order: by a digest of the seed and their ids, whatever order they come in."""
        self.items = tuple(sorted(catalog.items, key=lambda item: digest(self.seed, item.id)))

    @abstractmethod
    def order(self, view: View) -> Sequence[Item]:
        """All items, the best for this view first."""

    def rankable(self) -> Collection[Item]:
        """Every item of the catalogue."""
        if self.items is None:
            raise IncompatibleModelError(
                f"{type(self).__name__} recommends a data set's items, and this task shows it none."
            )
        return self.items

    def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
        """The first ``k`` items of each view's order that are news."""
        self.rankable()
        return [self._news(view, k) for view in views]

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Recommend the first item that is news; take leave when there is none."""
        return [_reply(ranked) for ranked in self.rank(views, 1)]

    def _news(self, view: View, k: int) -> list[Item]:
        known = named_or_seen(view)
        fresh = (item for item in self.order(view) if not any(same(item, other) for other in known))
        return list(islice(fresh, k))


@adapter("fixed-list")
class FixedList(ItemOrder):
    """Control: recommends the data set's items one by one, in one seeded order for everyone."""

    def order(self, view: View) -> Sequence[Item]:
        """The first order."""
        return self.items or ()


@adapter("random-item")
class RandomItem(ItemOrder):
    """Control: recommends an item at random."""

    def order(self, view: View) -> Sequence[Item]:
        """By a draw that depends on the seed and the view alone, so that batches and resumption change nothing."""
        known = canonical({"turns": [turn_record(turn) for turn in view.turns]})
        drawn = digest(self.seed, known + view.persona.general_preferences).hex()
        return sorted(self.items or (), key=lambda item: digest(self.seed, f"{drawn}/{item.id}"))


@adapter("told-item")
class ToldItem(RandomItem):
    """Control: is told the target and recommends it first, then items at random; what a good recommender can gain."""

    knows_target = True

    def order(self, view: View) -> Sequence[Item]:
        """The target, then a random order."""
        told = [view.target] if isinstance(view, OracleView) and view.target is not None else []
        return [*told, *super().order(view)]


@adapter("popularity")
class Popularity(ItemOrder):
    """Control: recommends what most dialogues of the train split recommend, the same for everyone."""

    train = ""

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Put the items in order: the most often recommended first, those equally often in the first order."""
        super().set_catalog(catalog)
        popularity = catalog.popularity
        if popularity is None or catalog.train is None:
            raise IncompatibleModelError(
                "popularity counts the recommendations of the train split, and there is none beside the evaluated "
                "dialogues: give a folder that holds it by --data."
            )
        self.items = tuple(sorted(self.items or (), key=lambda item: -popularity.get(item.id, 0)))
        self.train = catalog.train.fingerprint

    def identity(self) -> Mapping[str, object]:
        """The dialogues that were counted."""
        return {"train": self.train}

    def order(self, view: View) -> Sequence[Item]:
        """By popularity."""
        return self.items or ()


def digest(seed: int, text: str) -> bytes:
    """A number to order by, from the seed and a text."""
    return hashlib.sha256(f"{seed}/{text}".encode()).digest()


def farewell() -> Reply:
    """What a control says that has nothing left to recommend."""
    turn = Turn(Role.RECOMMENDER, Action.CHAT, DONE)
    return Reply(turn, render(turn))


def _reply(ranked: Sequence[Item]) -> Reply:
    if not ranked:
        return farewell()
    before, item = "You may enjoy ", ranked[0]
    mention = Mention(item, len(before), len(before) + len(item.name))
    turn = Turn(Role.RECOMMENDER, Action.RECOMMEND, f"{before}{item.name}.", (mention,), (item,))
    return Reply(turn, render(turn))
