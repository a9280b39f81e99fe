"""The area under the ROC curve: how well a score tells the two kinds apart.

The probability that a positive one scores higher than a negative one, a tie counting half (Mann-Whitney). Range
[0, 1]; 0.5 is guessing; higher is better. It needs no threshold, and does not notice a miscalibrated score. Its
interval is a bootstrap over whole clusters: the decisions within one dialogue are dependent. Resamples that hold one
kind alone have no area and are left out.

Within strata (a decision's place, say), only pairs of one stratum are compared: what the stratum itself tells is taken
out.

Hanley, J. and McNeil, B. (1982). The meaning and use of the area under a ROC curve. Radiology 143.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.intervals import cluster_index, draws, percentiles
from interplay_bench.metrics.score import Score, signature

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

RESAMPLES = 2_000
VERSION = 1


def auc(
    scores: Sequence[float],
    labels: Sequence[bool],
    clusters: Sequence[Hashable] | None = None,
    *,
    strata: Sequence[Hashable] | None = None,
    name: str = "AUC",
    resamples: int = RESAMPLES,
    seed: int = 0,
    **parts: object,
) -> Score:
    """Return the area with a 95% interval; ``clusters``: the dialogue of each. One kind alone has no value.

    ``strata``: compare within these alone, each pair of samples weighing the same.
    """
    value, low, high = area(scores, labels, strata), None, None
    if value is not None and cluster_index(clusters, len(scores))[1] > 1:
        import numpy as np

        (areas,) = bootstrap_areas([scores], labels, clusters, strata=strata, resamples=resamples, seed=seed)
        if not np.isnan(areas).all():
            low, high = percentiles(areas[~np.isnan(areas)])
    unit = "sample" if clusters is None else "cluster"
    known = {**parts, **({} if strata is None else {"pairs": "within-strata"})}
    described = {**known, "ties": "half", "interval": f"bootstrap-{unit}-95"}
    described["version"] = described.pop("version", VERSION)
    return Score(name, value, len(scores), signature("auc", **described), low, high, direction="higher")


def area(scores: Sequence[float], labels: Sequence[bool], strata: Sequence[Hashable] | None = None) -> float | None:
    """Return the area, within ``strata`` where there are some; ``None`` where there is one kind alone."""
    import numpy as np

    index, groups = cluster_index(None, len(scores))
    (found,) = _areas(_orders(scores, labels, index, strata), np.ones((groups, 1)))
    return None if np.isnan(found) else float(found)


def bootstrap_areas(
    scorings: Sequence[Sequence[float]],
    labels: Sequence[bool],
    clusters: Sequence[Hashable] | None = None,
    *,
    strata: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Array:
    """Return the areas of several scorings of the same samples, a row each, in the same bootstrap samples of clusters.

    A resample that holds one kind alone has no area in any row: ``nan``.
    """
    import numpy as np

    index, groups = cluster_index(clusters, len(labels))
    orders = [_orders(scores, labels, index, strata) for scores in scorings]
    chunks = []
    for drawn in draws(groups, resamples, seed, width=4 * len(labels)):
        flat = drawn + groups * np.arange(len(drawn))[:, None]
        times = np.bincount(flat.ravel(), minlength=groups * len(drawn)).reshape(len(drawn), groups)
        weights = np.ascontiguousarray(times.T, dtype=float)
        chunks.append([_areas(each, weights) for each in orders])
    return np.concatenate(chunks, axis=1)


def _orders(
    scores: Sequence[float], labels: Sequence[bool], index: Array, strata: Sequence[Hashable] | None
) -> list[_Order]:
    """One order, or one for each stratum."""
    import numpy as np

    if strata is None:
        return [_Order.of(scores, labels, index)]
    values, kinds = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    stratum, count = cluster_index(strata, len(values))
    return [_Order.of(values[rows], kinds[rows], index[rows]) for rows in (stratum == n for n in range(count))]


def _areas(orders: Sequence[_Order], weights: Array) -> Array:
    """The area for each column of ``weights`` over clusters; without both kinds ``nan``."""
    import numpy as np

    won, pairs = (sum(parts) for parts in zip(*(order.wins(weights) for order in orders), strict=True))
    with np.errstate(invalid="ignore"):
        areas: Array = won / pairs
    return areas


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """Who beats whom: what an area under any weights is summed from.

    ``positive``, ``negative``: the cluster of each sample of a kind, the negative ones by rising score. ``below`` and
    ``upto``: how many negative samples score less than each positive one, and how many no more.
    """

    positive: Array
    negative: Array
    below: Array
    upto: Array

    @classmethod
    def of(cls, scores: Sequence[float] | Array, labels: Sequence[bool] | Array, index: Array) -> _Order:
        """Sort the samples; ``index``: the cluster of each."""
        import numpy as np

        if len(scores) != len(labels):
            raise ValueError(f"{len(scores)} scores, but {len(labels)} labels")
        values, positive = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
        if np.isnan(values).any():
            raise ValueError("a score is not a number")
        rivals = values[~positive]
        order = np.argsort(rivals, kind="stable")
        below, upto = (np.searchsorted(rivals[order], values[positive], side) for side in ("left", "right"))
        return cls(index[positive], index[~positive][order], below, upto)

    def wins(self, weights: Array) -> tuple[Array, Array]:
        """For each column of ``weights`` over clusters, what pairs the positive ones win, of how many."""
        import numpy as np

        up = weights[self.positive]
        down = np.zeros((len(self.negative) + 1, weights.shape[1]))
        np.cumsum(weights[self.negative], axis=0, out=down[1:])
        won = (up * (down[self.below] + down[self.upto])).sum(axis=0) / 2
        return won, up.sum(axis=0) * down[-1]
