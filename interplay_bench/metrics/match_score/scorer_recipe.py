"""How a Match Score model is trained: the ``[train]`` table of its card, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from interplay_bench.simulators.card import ModelCard
from interplay_bench.training.training_recipe import Count, read_recipe

Rate = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class MatchScoreRecipe:
    """``encoder``: the text encoder, a folder, a hub id, or ``all-MiniLM-L6-v2`` from its package.

    ``variant``: ``text``, the paper's form, whose items are their texts alone; ``text+bias`` and ``text+residual``
    (which has a bias, too) give liked items something of their own, and a residual is part of the embedding;
    ``implicit`` has no texts, and as many epochs as its library takes. ``compare``: train that one, too, and put both
    into the report. ``dim``: of the embeddings. ``batch``: positives between two steps of the projection.
    ``user_rate``, ``rate``, ``own_rate``: learning rates of users, of the projection, and of items' biases and
    residuals. ``decay``: holds users back. ``domain``: what the items of
    anyone's interactions are, where their file does not say it.
    """

    encoder: str = "huawei-noah/TinyBERT_General_4L_312D"
    variant: Literal["text", "text+bias", "text+residual", "implicit"] = "text"
    dim: Count = 64
    epochs: Count = 40
    batch: Count = 8192
    user_rate: Rate = 0.05
    rate: Rate = 3e-3
    own_rate: Rate = 0.01
    decay: Annotated[float, Field(ge=0)] = 0.01
    compare: bool = True
    domain: str = "item"

    @classmethod
    def of(cls, card: ModelCard, settings: Mapping[str, str] | None = None) -> MatchScoreRecipe:
        """The recipe of ``card`` with some keys replaced by texts, as ``--set dim=32`` does."""
        return read_recipe(cls, card, settings)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the report."""
        return asdict(self)
