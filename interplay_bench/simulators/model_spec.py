"""From what a user types after ``--model`` to a model that runs: ``smollm2``, ``accept-at:3``, ``./my-card.toml``,
``hf:FOLDER``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interplay_bench.environment.errors import CardError, unknown_name
from interplay_bench.environment.paths import typed_path
from interplay_bench.simulators.adapter import ADAPTERS, Adapter
from interplay_bench.simulators.bare_model import bare_card, is_bare
from interplay_bench.simulators.card import ModelCard, shipped_cards
from interplay_bench.simulators.card import find as find_card
from interplay_bench.simulators.card import read as read_card
from interplay_bench.simulators.card_engine import with_engine
from interplay_bench.simulators.card_trust import check_trust

OWN = "Your own: hf:FOLDER or hf:OWNER/NAME, endpoint:NAME@URL, or a card's path, ending in .toml."


@dataclass(frozen=True, slots=True)
class Model:
    """A model, ready to be evaluated: the name as typed, its card, and the adapter."""

    name: str
    card: ModelCard
    adapter: Adapter

    def record(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        return {
            "name": self.card.name if self.name.endswith(".toml") or is_bare(self.name) else self.name,
            "card": asdict(self.card),
            "knows_target": self.adapter.knows_target,
            "identity": dict(self.adapter.identity()),
            "control": self.adapter.control,
        }


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that exists by name, not built yet: its card, its adapter, and the ``K`` of ``name:K``."""

    name: str
    card: ModelCard
    adapter: type[Adapter]
    argument: str | None

    def build(self, seed: int = 0) -> Model:
        """Load it; this is where weights are read and servers are asked."""
        return Model(self.name, self.card, self.adapter.from_card(self.card, self.argument, seed))


def shares(names: Iterable[str], engine: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each model gets of the ``engine`` options that were set for all of them: those that it takes.

    An option that none takes goes to each that has an engine, which says what is wrong with it.
    """
    cards = {name: _card(name)[0] for name in dict.fromkeys(names)}
    taken = {name: _taken(card, engine) for name, card in cards.items()}
    nobodys = engine.keys() - set().union(*taken.values())
    if nobodys and not any(map(_has_engine, cards.values())):
        raise CardError(f"None of {', '.join(cards)} has an engine whose options could be set.")
    return {
        name: {
            key: value for key, value in engine.items() if key in taken[name] or (key in nobodys and _has_engine(card))
        }
        for name, card in cards.items()
    }


def taken(names: Iterable[str], engine: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the ``engine`` options that at least one of the models takes."""
    known = set().union(*(_taken(_card(name)[0], engine) for name in names))
    return {key: value for key, value in engine.items() if key in known}


def _has_engine(card: ModelCard) -> bool:
    return bool(card.engine or card.train)  # what was trained has a folder at least, engine.model


def _taken(card: ModelCard, engine: Mapping[str, Any]) -> set[str]:
    cls = ADAPTERS.all().get(card.adapter)
    if cls is None or not _has_engine(card):
        return set()
    kind = {"kind": engine["kind"]} if "kind" in engine else {}
    return engine.keys() & set(cls.engine_options(card.override(kind)))


def find(name: str, engine: Mapping[str, Any] | None = None) -> ModelSpec:
    """Look ``name`` up; ``engine`` replaces options of its card's engine."""
    card, argument = _card(name)
    check_trust(card, {**(engine or {}), **(card.engine if is_bare(name) else {})})  # its address was typed
    if engine:
        if not _has_engine(card):
            raise CardError(f"The model {name!r} has no engine whose options could be set.")
        card = with_engine(card, engine)
    adapters = ADAPTERS.all()
    if card.adapter not in adapters:
        raise unknown_name(f"adapter (in the card {card.name!r})", card.adapter, adapters)
    return ModelSpec(name, card, adapters[card.adapter], argument)


def find_both(
    name: str, partner: str | None, engine: Mapping[str, Any] | None = None
) -> tuple[ModelSpec, ModelSpec | None]:
    """Look up a model, and the one that it meets where there is one; each gets the ``engine`` options that it takes."""
    if partner is None:
        return find(name, engine), None
    shared = shares((name, partner), engine or {})
    return find(name, shared[name]), find(partner, shared[partner])


@dataclass(frozen=True, slots=True)
class AdapterInstance:
    """A model that the caller built."""

    adapter: Adapter

    def build(self, seed: int = 0) -> Model:
        """Name it by its class; the seed is the caller's own affair."""
        name = type(self.adapter).__name__
        return Model(name, ModelCard(name=name, adapter=name, summary="built by the caller"), self.adapter)


def model_summaries() -> dict[str, str]:
    """Every model that can be typed, with one line about it: the cards, and the adapters that need none."""
    known = {name: str(card.get("summary", "")) for name, card in shipped_cards().items()}
    for name, cls in ADAPTERS.all().items():
        if cls.standalone and name not in known:
            known[name] = (cls.__doc__ or "").strip().partition("\n")[0]
    return dict(sorted(known.items()))


def _card(name: str) -> tuple[ModelCard, str | None]:
    if is_bare(name):
        return bare_card(name), None
    if name.endswith(".toml"):
        return read_card(typed_path(name)), None
    base, colon, argument = name.partition(":")
    card = find_card(base)
    if card is None:
        known = model_summaries()
        if base not in known:
            raise unknown_name("model", base, known, hint=OWN)
        card = ModelCard(name=base, adapter=base, summary=known[base])
    return card, argument if colon else None
