"""A content-based recommender over the Match Score's item embeddings: what is nearest to what was liked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from interplay_bench.dialogues.dialogue import Item, View
from interplay_bench.environment.errors import CardError
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.progress import Progress
from interplay_bench.metrics.match_score.scorer import Scorer
from interplay_bench.simulators.adapter import adapter
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.checkpoint import find_checkpoint
from interplay_bench.simulators.trainable import TrainingRequest

from .item_order import ItemOrder


@adapter("match-score")
class MatchScore(ItemOrder):
    """Recommends the item that is nearest, on average, to what the user has seen and what was named so far."""

    control: ClassVar[bool] = False
    standalone: ClassVar[bool] = False

    def __init__(self, scorer: Scorer, seed: int) -> None:
        super().__init__(seed)
        self.scorer = scorer

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Load the card's checkpoint, or that of ``engine.model``."""
        if argument is not None or set(card.engine) - cls.engine_options(card) or card.settings:
            raise CardError(f"The card {card.name!r} takes no option but engine.model, the model's folder.")
        named = card.engine.get("model")
        return cls(Scorer.load(typed_path(str(named)) if named else find_checkpoint(card.name)), seed)

    @classmethod
    def engine_options(cls, card: ModelCard) -> frozenset[str]:
        """The folder of the embeddings."""
        return frozenset({"model"})

    @classmethod
    def train(cls, request: TrainingRequest, progress: Progress) -> Path:
        """Learn the embeddings from people's ratings."""
        from interplay_bench.metrics.match_score.scorer_training import train

        return train(request, progress)

    def identity(self) -> Mapping[str, object]:
        """A digest of the embeddings."""
        return {"scorer": self.scorer.identity}

    def order(self, view: View) -> Sequence[Item]:
        """By the mean cosine; items that the embeddings do not know come last."""
        import numpy as np

        items = self.items or ()
        named = [seen.item for seen in view.persona.history] + [item for turn in view.turns for item in turn.items]
        rows = [row for row in map(self.scorer.row, named) if row is not None]
        if not rows:
            return items
        vectors = self.scorer.artefact.vectors
        own = [self.scorer.row(item) for item in items]
        near = vectors @ vectors[rows].mean(axis=0)
        scores = np.array([-2.0 if row is None else near[row] for row in own])
        return [items[place] for place in np.argsort(-scores, kind="stable")]
