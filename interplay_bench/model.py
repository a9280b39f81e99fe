"""From what a user types after ``--model`` to a model that runs: ``smollm2``, ``accept-at:3``, ``./my-card.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interplay_bench import registry
from interplay_bench.adapter import Adapter
from interplay_bench.card import ModelCard
from interplay_bench.card import find as find_card
from interplay_bench.card import read as read_card
from interplay_bench.errors import CardError, unknown_name
from interplay_bench.paths import typed_path


@dataclass(frozen=True, slots=True)
class Model:
    """A model, ready to be evaluated: the name as typed, its card, and the adapter."""

    name: str
    card: ModelCard
    adapter: Adapter

    def record(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        return {
            "name": self.name,
            "card": asdict(self.card),
            "knows_target": self.adapter.knows_target,
            "identity": dict(self.adapter.identity()),
        }


@dataclass(frozen=True, slots=True)
class Named:
    """A model that exists by name, not built yet: its card, its adapter, and the ``K`` of ``name:K``."""

    name: str
    card: ModelCard
    adapter: type[Adapter]
    argument: str | None

    def build(self, seed: int = 0) -> Model:
        """Load it; this is where weights are read and servers are asked."""
        return Model(self.name, self.card, self.adapter.from_card(self.card, self.argument, seed))


def find(name: str, engine: Mapping[str, Any] | None = None) -> Named:
    """Look ``name`` up; ``engine`` replaces options of its card's engine."""
    card, argument = _card(name)
    if engine:
        if not (card.engine or card.train):  # what was trained has a folder at least, engine.model
            raise CardError(f"The model {name!r} has no engine whose options could be set.")
        card = card.override(engine)
    adapters = registry.adapters()
    if card.adapter not in adapters:
        raise unknown_name(f"adapter (in the card {card.name!r})", card.adapter, adapters)
    return Named(name, card, adapters[card.adapter], argument)


@dataclass(frozen=True, slots=True)
class Given:
    """A model that the caller built."""

    adapter: Adapter

    def build(self, seed: int = 0) -> Model:
        """Name it by its class; the seed is the caller's own affair."""
        name = type(self.adapter).__name__
        return Model(name, ModelCard(name=name, adapter=name, summary="built by the caller"), self.adapter)


def _card(name: str) -> tuple[ModelCard, str | None]:
    if name.endswith(".toml"):
        return read_card(typed_path(name)), None
    base, colon, argument = name.partition(":")
    card = find_card(base)
    if card is None:
        known = registry.models()
        if base not in known:
            raise unknown_name("model", base, known, hint="A card of your own is given by path, ending in .toml.")
        card = ModelCard(name=base, adapter=base, summary=known[base])
    return card, argument if colon else None
