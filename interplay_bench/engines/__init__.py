"""The engines behind a language model's two verbs, one per file; :func:`build` makes the one that a card names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from interplay_bench.errors import CardError, UsageError, unknown_name
from interplay_bench.language_model import LanguageModel, Sampling
from interplay_bench.markup import END

if TYPE_CHECKING:
    from interplay_bench.card import ModelCard


def build(card: ModelCard) -> LanguageModel:
    """Make the engine of ``card.engine``: its ``kind``, and that engine's own settings."""
    options = dict(card.engine)
    kind = options.pop("kind", "transformers")
    where = f"In the engine of the model {card.name!r}"
    if kind not in _ENGINES:
        raise CardError(f"{where}: {unknown_name('kind', kind, _ENGINES)}")
    settings, make = _ENGINES[kind]()
    return make(_checked(settings, options, where))


def sampling(card: ModelCard, seed: int) -> Sampling:
    """How the card's model writes: greedy, 128 tokens, until the end of the turn, where it does not say otherwise."""
    where = f"In the settings of the model {card.name!r}"
    for option, whose in _NOT_THE_CARDS.items():
        if option in card.settings:
            raise CardError(f"{where}: {option} is no setting of a card: {whose}.")
    checked: Sampling = _checked(Sampling, {**card.settings, "stop": (END,), "seed": seed}, where)
    return checked


_NOT_THE_CARDS = {
    "stop": f"a turn ends at {END}, in every model",
    "seed": "it is the run's, and is given by --seed",
}
"""What a card cannot set of how its model writes, and whose it is."""


def _checked(settings: type, options: Mapping[str, object], where: str) -> Any:
    """Validate ``options`` as ``settings`` (a dataclass or a pydantic model), naming what is misspelt or missing."""
    from dataclasses import fields, is_dataclass

    from pydantic import BaseModel, TypeAdapter, ValidationError

    if issubclass(settings, BaseModel):
        known = list(settings.model_fields)
    else:
        known = [option.name for option in fields(settings)] if is_dataclass(settings) else []
    for option in options:
        if option not in known:
            raise CardError(f"{where}: {unknown_name('option', option, known)}")
    try:
        return TypeAdapter(settings).validate_python(options)
    except UsageError as error:
        raise CardError(f"{where}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise CardError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


Engine = tuple[type, Callable[[Any], LanguageModel]]


def _transformers() -> Engine:
    from interplay_bench.engines.weights import TransformersSettings

    def make(settings: TransformersSettings) -> LanguageModel:
        from interplay_bench.engines.transformers import TransformersModel

        return TransformersModel(settings)

    return TransformersSettings, make


def _naive() -> Engine:
    from interplay_bench.engines.weights import TransformersSettings

    def make(settings: TransformersSettings) -> LanguageModel:
        from interplay_bench.engines.naive import NaiveModel

        return NaiveModel(settings)

    return TransformersSettings, make


def _endpoint() -> Engine:
    from interplay_bench.engines.endpoint import EndpointModel, EndpointSettings
    from interplay_bench.engines.response_cache import ResponseCache

    return EndpointSettings, lambda settings: EndpointModel(settings, ResponseCache.default())


_ENGINES: Mapping[str, Callable[[], Engine]] = {
    "transformers": _transformers,
    "naive": _naive,
    "endpoint": _endpoint,
}
