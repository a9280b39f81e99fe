"""Intervals for means, by a bootstrap that resamples whole clusters: a user with all their dialogues, or a dialogue
with all its turns. What happens within one cluster is dependent, so it stays together.

Efron, B. and Tibshirani, R. (1993). An Introduction to the Bootstrap. Field, C. and Welsh, A. (2007). Bootstrapping
clustered data. JRSS B 69.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.score import Direction, Score, signature

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

RESAMPLES = 10_000
VERSION = 1
_CELLS = 1 << 21  # how many drawn clusters are held at once


def cluster_index(clusters: Sequence[Hashable] | None, n: int) -> tuple[Array, int]:
    """Number the clusters in order of appearance: each sample's cluster, and how many there are.

    Without ``clusters`` each sample is its own.
    """
    import numpy as np

    if clusters is None:
        return np.arange(n), n
    if len(clusters) != n:
        raise ValueError(f"{n} values, but {len(clusters)} clusters")
    numbers: dict[Hashable, int] = {}
    index = np.fromiter((numbers.setdefault(cluster, len(numbers)) for cluster in clusters), dtype=np.intp, count=n)
    return index, len(numbers)


def draws(groups: int, resamples: int, seed: int, width: int | None = None) -> Iterator[Array]:
    """Draw ``groups`` clusters with replacement, ``resamples`` times, in chunks of rows.

    ``width``: how many numbers the caller derives from one row, where they are more than ``groups``.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = max(1, _CELLS // max(groups, width or 0, 1))
    for start in range(0, resamples, rows):
        yield rng.integers(groups, size=(min(rows, resamples - start), groups), dtype=np.int32)


def bootstrap_means(
    values: Sequence[float], clusters: Sequence[Hashable] | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> Array:
    """Return the means of ``resamples`` bootstrap samples of whole clusters."""
    import numpy as np

    data = np.asarray(values, dtype=float)
    index, groups = cluster_index(clusters, len(data))
    sums = np.bincount(index, weights=data, minlength=groups)
    sizes = np.bincount(index, minlength=groups)
    if (sizes == 1).all():
        return np.concatenate([sums[drawn].mean(axis=1) for drawn in draws(groups, resamples, seed)])
    return np.concatenate(
        [sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1) for drawn in draws(groups, resamples, seed)]
    )


def percentiles(means: Array, confidence: float = 0.95) -> tuple[float, float]:
    """Return the middle ``confidence`` of bootstrapped values."""
    import numpy as np

    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def mean_score(
    name: str,
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    direction: Direction | None,
    metric: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    **parts: object,
) -> Score:
    """Return the mean of ``values`` as a score with a 95% percentile interval.

    ``metric`` and ``parts`` make the signature (``name`` where there is no ``metric``). Of fewer than two clusters
    there is no interval, and of no values no mean.
    """
    index, groups = cluster_index(clusters, len(values))
    n = len(index)
    low = high = None
    if groups > 1:
        low, high = percentiles(bootstrap_means(values, clusters, resamples=resamples, seed=seed))
    unit = "sample" if clusters is None else "cluster"
    known = {**parts, "interval": f"bootstrap-{unit}-95"}
    known["version"] = known.pop("version", VERSION)
    value = fsum(values) / n if n else None
    return Score(name, value, n, signature(metric or name, **known), low, high, direction=direction)
