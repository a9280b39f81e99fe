"""The area under the ROC curve: how well a score tells the two kinds apart.

The probability that a positive one scores higher than a negative one, a tie counting half (Mann-Whitney). Range
[0, 1]; 0.5 is guessing; higher is better. It needs no threshold, and does not notice a miscalibrated score. Its
interval is a bootstrap over whole clusters: the decisions within one dialogue are dependent. Resamples that hold one
kind alone have no area and are left out.

Hanley, J. and McNeil, B. (1982). The meaning and use of the area under a ROC curve. Radiology 143.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.intervals import cluster_index, draws, percentiles
from interplay_bench.results import Score, signature

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
    name: str = "AUC",
    resamples: int = RESAMPLES,
    seed: int = 0,
    **parts: object,
) -> Score:
    """Return the area with a 95% interval; ``clusters``: the dialogue of each. One kind alone has no value."""
    import numpy as np

    if len(scores) != len(labels):
        raise ValueError(f"{len(scores)} scores, but {len(labels)} labels")
    values, positive = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    order = np.argsort(values, kind="stable")
    values, positive = values[order], positive[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, dtype=np.intp)
    value = low = high = None
    if positive.any() and not positive.all():
        value = float(_areas(np.ones((1, len(values))), positive, starts)[0])
        index, groups = cluster_index(clusters, len(values))
        if groups > 1:
            found = []
            for drawn in draws(groups, resamples, seed, width=len(values)):
                flat = drawn + groups * np.arange(len(drawn))[:, None]
                times = np.bincount(flat.ravel(), minlength=groups * len(drawn)).reshape(len(drawn), groups)
                found.append(_areas(times[:, index[order]].astype(float), positive, starts))
            areas = np.concatenate(found)
            if not np.isnan(areas).all():
                low, high = percentiles(areas[~np.isnan(areas)])
    unit = "sample" if clusters is None else "cluster"
    described = {**parts, "ties": "half", "interval": f"bootstrap-{unit}-95"}
    described["version"] = described.pop("version", VERSION)
    return Score(name, value, len(values), signature("auc", **described), low, high, direction="higher")


def _areas(weights: Array, positive: Array, starts: Array) -> Array:
    """The area for each row of weights over samples sorted by score; ``starts``: where each run of ties begins."""
    import numpy as np

    up = np.add.reduceat(weights * positive, starts, axis=1)
    down = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    pairs = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore"):
        areas: Array = np.where(pairs > 0, (up * below).sum(axis=1) / pairs, np.nan)
    return areas
