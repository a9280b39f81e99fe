"""The engines behind a language model's two verbs, one per file; :func:`build` makes the one that a card names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interplay_bench.errors import CardError, unknown_name
from interplay_bench.language_model import LanguageModel, Sampling
from interplay_bench.markup import END

if TYPE_CHECKING:
    from interplay_bench.card import ModelCard

KINDS = ("transformers", "naive", "endpoint")


def build(card: ModelCard) -> LanguageModel:
    """Make the engine of ``card.engine``: its ``kind``, and that engine's own settings."""
    from pydantic import ValidationError

    options = dict(card.engine)
    kind = options.pop("kind", "transformers")
    try:
        return _build(kind, options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CardError(f"In the engine of the model {card.name!r}: {where}: {first['msg']}.") from None


def sampling(card: ModelCard, seed: int) -> Sampling:
    """How the card's model writes: greedy, 128 tokens, until the end of the turn, where it does not say otherwise."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

    known = set(Sampling.__slots__) - {"seed", "stop"}
    for key in card.settings:
        if key not in known:
            raise CardError(f"In the card {card.name!r}: {unknown_name('setting', key, known)}")
    checked = with_config(ConfigDict(extra="forbid"))(Sampling)
    try:
        return TypeAdapter(checked).validate_python({"stop": (END,), "seed": seed, **card.settings})
    except ValidationError as error:
        raise CardError(f"In the settings of the card {card.name!r}: {error.errors()[0]['msg']}.") from None


def _build(kind: str, options: dict[str, object]) -> LanguageModel:
    if kind == "endpoint":
        from pydantic import TypeAdapter

        from interplay_bench.engines.endpoint import EndpointModel, EndpointSettings
        from interplay_bench.engines.response_cache import ResponseCache

        return EndpointModel(TypeAdapter(EndpointSettings).validate_python(options), ResponseCache.default())
    if kind in KINDS:
        from pydantic import TypeAdapter

        from interplay_bench.engines.weights import TransformersSettings

        settings = TypeAdapter(TransformersSettings).validate_python(options)
        if kind == "naive":
            from interplay_bench.engines.naive import NaiveModel

            return NaiveModel(settings)
        from interplay_bench.engines.transformers import TransformersModel

        return TransformersModel(settings)
    raise unknown_name("engine kind", kind, KINDS)
