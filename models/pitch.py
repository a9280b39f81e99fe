"""Control recommenders in people's own words: the pitch that won somebody over, for the right user and for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from interplay_bench.dialogues.dialogue import OracleView, Turn, View
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.dialogues.markup import render
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.items.title_recognition import named_or_seen, same
from interplay_bench.simulators.adapter import Recommender, Reply, adapter, refuse_argument
from interplay_bench.simulators.card import ModelCard

from .item_order import digest, farewell


@adapter("wrong-pitch")
class WrongPitch(Recommender):
    """Control: says what made other users accept, in dialogues of the train split; never the same twice."""

    control = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.pitches: tuple[Turn, ...] = ()
        self.train = ""

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Take the run's seed, which decides whose pitches come first."""
        refuse_argument(card, argument)
        return cls(seed)

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Collect the turns that recommend a target in the train split."""
        self.pitches = () if catalog.train is None else tuple(_pitches(catalog.train))
        if catalog.train is None or not self.pitches:
            raise IncompatibleModelError(
                "Other users' pitches are taken from the train split, and there is none with targets beside the "
                "evaluated dialogues: give a folder that holds it by --data."
            )
        self.train = catalog.train.fingerprint

    def identity(self) -> Mapping[str, object]:
        """The dialogues whose pitches are repeated."""
        return {"train": self.train}

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Say the next pitch whose items are news; take leave when there is none."""
        return [self._next(view) for view in views]

    def order(self, view: View) -> Sequence[Turn]:
        """All pitches in an order that depends on the seed and the user alone."""
        user = view.persona.general_preferences + view.persona.target_attributes
        return sorted(self.pitches, key=lambda turn: digest(self.seed, f"{user}/{turn.text}"))

    def _next(self, view: View) -> Reply:
        known = named_or_seen(view)
        for turn in self.order(view):
            if not any(same(item, other) for item in turn.items for other in known):
                return Reply(turn, render(turn))
        return farewell()


@adapter("gold-pitch")
class GoldPitch(WrongPitch):
    """Control: repeats the gold turn that recommends the target, which it is told; then other users' pitches."""

    knows_target = True

    def order(self, view: View) -> Sequence[Turn]:
        """The user's own pitch first."""
        own = [view.pitch] if isinstance(view, OracleView) and view.pitch is not None else []
        return [*own, *super().order(view)]


def _pitches(dialogues: DialogueSet) -> list[Turn]:
    places = ((dialogue, dialogue.target_turn()) for dialogue in dialogues.dialogues)
    return [dialogue.turns[at] for dialogue, at in places if at is not None]
