"""From a model's card to its language model: the engine behind it, and how it writes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interplay_bench.dialogues.markup import END
from interplay_bench.engines.engine_entry import ENGINES, EngineEntry
from interplay_bench.engines.language_model import LanguageModel, Sampling
from interplay_bench.environment.errors import CardError, unknown_name
from interplay_bench.environment.validation import fields_of, validated
from interplay_bench.simulators.card import ModelCard

_log = logging.getLogger("interplay_bench")

DEFAULT = "transformers"
NOT_THE_CARDS = {
    "stop": f"a turn ends at {END}, in every model",
    "seed": "it is the run's, and is given by --seed",
}
"""What a card cannot set of how its model writes, and whose it is."""


def build_engine(card: ModelCard) -> LanguageModel:
    """Make the engine of ``card.engine``: its ``kind``, and that engine's own settings."""
    entry = _entry(card)
    options = {key: value for key, value in card.engine.items() if key != "kind"}
    return entry.make(validated(entry.settings, options, _where(card), error=CardError))


def with_engine(card: ModelCard, said: Mapping[str, Any]) -> ModelCard:
    """``card`` with what the user said of its engine. On another kind of engine, the card's own options that this
    kind does not have (``device_map``, ``package``) are left out, and the log says so."""
    changed = card.override(said)
    if changed.engine.get("kind", DEFAULT) == card.engine.get("kind", DEFAULT):
        return changed
    known = {"kind", *engine_fields(changed), *said}
    left_out = sorted(changed.engine.keys() - known)
    if left_out:
        _log.info("%s on %s: without %s of its card", card.name, changed.engine["kind"], ", ".join(left_out))
    return replace(changed, engine={key: value for key, value in changed.engine.items() if key in known})


def engine_fields(card: ModelCard) -> list[str]:
    """The names of the settings that the card's kind of engine has."""
    return fields_of(_entry(card).settings)


def _entry(card: ModelCard) -> EngineEntry:
    kind, known = card.engine.get("kind", DEFAULT), ENGINES.all()
    if not isinstance(kind, str) or kind not in known:
        raise CardError(f"{_where(card)}: {unknown_name('kind', str(kind), known)}")
    return known[kind]


def _where(card: ModelCard) -> str:
    return f"In the engine of the model {card.name!r}"


def sampling_of(card: ModelCard, seed: int) -> Sampling:
    """How the card's model writes: greedy, 128 tokens, until the end of the turn, where it does not say otherwise."""
    where = f"In the settings of the model {card.name!r}"
    for option, whose in NOT_THE_CARDS.items():
        if option in card.settings:
            raise CardError(f"{where}: {option} is no setting of a card: {whose}.")
    return validated(Sampling, {**card.settings, "stop": (END,), "seed": seed}, where, error=CardError)
