"""Balanced accuracy: how often a judge agrees with people, each kind of theirs counting half.

The mean of two recalls, of what people took and of what they did not. Range [0, 1]; 0.5 is what any constant answer and
any coin gets, whatever share people take; higher is better. It needs both kinds. Its interval is a bootstrap over whole
clusters, since the decisions within one dialogue are dependent; resamples that hold one kind alone are left out.

Brodersen, K. H. et al. (2010). The balanced accuracy and its posterior distribution. ICPR.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.auc import RESAMPLES
from interplay_bench.metrics.intervals import cluster_index, draws, percentiles
from interplay_bench.metrics.paired_tests import ENOUGH, Comparison, swapped_users
from interplay_bench.metrics.score import Direction, Score, signature

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

TEST = "swapped-users"
"""The paired test: with the truths given, each decision adds its share to the difference, whichever model made it."""


@dataclass(frozen=True, slots=True)
class BalancedAccuracy:
    """Of ``(answer, truth)`` pairs, both of them true or false."""

    def score(
        self,
        name: str,
        values: Sequence[tuple[bool, bool]],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Average the two recalls."""
        import numpy as np

        described = signature("balanced-accuracy", **{**parts, "interval": "bootstrap-cluster-95"})
        value, low, high = None, None, None
        if values:
            index, groups = cluster_index(clusters, len(values))
            counts = _counts(values, index, groups)
            (found,) = _balanced(counts.sum(axis=0, keepdims=True))
            value = None if np.isnan(found) else float(found)
            if value is not None and groups > 1:
                resampled = np.concatenate(
                    [_balanced(counts[drawn].sum(axis=1)) for drawn in draws(groups, RESAMPLES, seed, width=4 * groups)]
                )
                low, high = percentiles(resampled[~np.isnan(resampled)])
        return Score(name, value, len(values), described, low, high, direction=direction)

    def compare(
        self, a: Sequence[tuple[bool, bool]], b: Sequence[tuple[bool, bool]], clusters: Sequence[Hashable]
    ) -> Comparison | None:
        """Of the two balanced accuracies: users swapped whole, and a bootstrap over them; needs both kinds of truth."""
        import numpy as np

        index, groups = cluster_index(clusters, len(a))
        counts = [_counts(values, index, groups) for values in (a, b)]
        one, other = (float(_balanced(each.sum(axis=0, keepdims=True))[0]) for each in counts)
        if np.isnan(other - one):
            return None
        if groups < ENOUGH:
            return Comparison(other - one, None, None, None, len(a), groups, TEST)
        taken = sum(truth for _, truth in a)
        halves = {True: 0.5 / taken, False: 0.5 / (len(a) - taken)}  # what one decision weighs in a recall's half
        gains = [halves[y] * ((z == y) - (x == y)) for (x, y), (z, _) in zip(a, b, strict=True)]
        resampled = np.concatenate(
            [
                _balanced(counts[1][drawn].sum(axis=1)) - _balanced(counts[0][drawn].sum(axis=1))
                for drawn in draws(groups, RESAMPLES, 0, width=8 * groups)
            ]
        )
        low, high = percentiles(resampled[~np.isnan(resampled)])
        return Comparison(other - one, low, high, swapped_users(gains, clusters), len(a), groups, TEST)


def _counts(values: Sequence[tuple[bool, bool]], index: Array, groups: int) -> Array:
    """For each cluster: agreed takings, takings, agreed refusals, refusals; (groups, 4)."""
    import numpy as np

    answer, truth = (np.array([pair[side] for pair in values], dtype=bool) for side in (0, 1))
    kinds = (answer & truth, truth, ~answer & ~truth, ~truth)
    return np.stack([np.bincount(index, weights=kind, minlength=groups) for kind in kinds], axis=1)


def _balanced(counts: Array) -> Array:
    """The mean of both recalls, a row each; ``nan`` where one kind is missing."""
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (counts[:, 0] / counts[:, 1] + counts[:, 2] / counts[:, 3]) / 2
    return found
