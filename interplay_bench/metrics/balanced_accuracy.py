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
from interplay_bench.metrics.paired_tests import Comparison, compare_rates
from interplay_bench.metrics.score import Direction, Score, signature

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]


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
    ) -> Comparison:
        """Of agreement, decision by decision: McNemar's exact test."""
        return compare_rates([x == y for x, y in a], [x == y for x, y in b], clusters)


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
