"""Bootstrap samples as weights: how often each cluster was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.intervals import draws

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]


def resample_weights(groups: int, resamples: int, seed: int) -> Array:
    """How often each of ``groups`` clusters is drawn, ``resamples`` times: one row per resample."""
    import numpy as np

    rows = np.concatenate(list(draws(groups, resamples, seed)))
    counts = np.zeros(rows.shape)
    np.add.at(counts, (np.arange(len(rows))[:, None], rows), 1)
    return counts
