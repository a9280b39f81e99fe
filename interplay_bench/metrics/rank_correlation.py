"""Kendall's tau-b: how far two scores order the same systems alike.

The pairs ordered alike less those ordered otherwise, over all pairs, ties taken out of the denominator. Range [-1, 1];
0 is no relation. Of n systems there are n (n - 1) / 2 pairs: of four it can take few values, and says little.

Kendall, M. (1945). The treatment of ties in ranking problems. Biometrika 33.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]


def kendall_tau(x: Array, y: Array) -> Array:
    """Tau of the last axis of ``x`` and ``y``, (..., n) each; ``nan`` where one side is constant or not a number."""
    import numpy as np

    first, second = np.triu_indices(x.shape[-1], k=1)
    a, b = (np.sign(each[..., first] - each[..., second]) for each in (x, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return found
