"""A ridge regression on MiniLM's vectors, cross-fitted by system: an item's number comes from a regression on what
people scored of the *other* systems, so that it cannot know which system is good.

A turn is told by the vectors of its words, of the user's turn before and of the user's turn after; a dialogue by the
mean vector of the recommender's turns, that of the user's, and that of the user's last, each made of length 1. Lengths
and penalty were chosen on AB-ReDial (10 folds, overall: Spearman 0.33, with a penalty of 1 and means as they are 0.29);
nothing was tuned on CRSArena-Eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.similarity import embed
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.rated.rated_set import RatedItem

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

PENALTY = 3.0
"""Of the ridge; each of the vectors has length 1."""


class Regression:
    """An evaluator that keeps the vectors that it has read."""

    def __init__(self) -> None:
        self._vectors: dict[str, Array] = {}

    def __call__(self, criterion: Criterion, items: Sequence[RatedItem]) -> list[float | None]:
        """Predict each item's score from the other systems' items; nothing where there is one system alone."""
        import numpy as np

        systems = np.array([item.dialogue.system for item in items])
        if len(set(systems)) < 2:
            return [None] * len(items)
        views = [_views(item) for item in items]
        self._read({text for view in views for texts in view for text in texts if text})
        vectors = np.array([np.concatenate([self._mean(texts) for texts in view]) for view in views])
        kernel = vectors @ vectors.T
        scores = np.array([item.score for item in items])
        predicted = np.empty(len(items))
        for system in np.unique(systems):
            own = systems == system
            predicted[own] = _ridge(kernel[~own][:, ~own], scores[~own], kernel[own][:, ~own])
        return [float(value) for value in predicted]

    def _read(self, texts: set[str]) -> None:
        if new := sorted(texts - set(self._vectors)):
            self._vectors |= dict(zip(new, embed(new), strict=True))

    def _mean(self, texts: Sequence[str]) -> Array:
        """The direction of the mean vector of ``texts``; zero where nothing was said."""
        import numpy as np

        known = [self._vectors[text] for text in texts if text]
        if not known:
            return np.zeros_like(next(iter(self._vectors.values())))
        mean = np.mean(known, axis=0)
        direction: Array = mean / np.linalg.norm(mean)
        return direction


def _ridge(kernel: Array, scores: Array, kernel_of_others: Array) -> Array:
    """The prediction for others of a ridge regression in its dual form; the mean is not penalised."""
    import numpy as np

    mean = scores.mean()
    weights = np.linalg.solve(kernel + PENALTY * np.eye(len(scores)), scores - mean)
    predicted: Array = mean + kernel_of_others @ weights
    return predicted


def _views(item: RatedItem) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """What is read of an item, apart: the recommender's turns, the user's, and the user's reaction."""
    if item.line is None:
        return item.judged, [line.text for line in item.dialogue.lines if line.role == "user"], [item.reaction]
    return item.judged, [line.text for line in item.before if line.role == "user"][-1:], [item.reaction]
