"""How good each of several systems is, from votes on pairs of them.

The model: ``i`` beats ``j`` with probability ``p_i / (p_i + p_j)``; a tie is half a win for both. What is reported is
the probability of beating an average system, one whose strength is the geometric mean; in (0, 1), 0.5 is average. So
that a system that never won or never lost has a finite strength, every two systems have met a little more often, and
tied.

Bradley, R. and Terry, M. (1952). Rank analysis of incomplete block designs. Biometrika 39. Hunter, D. (2004). MM
algorithms for generalized Bradley-Terry models. The Annals of Statistics 32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

PRIOR = 0.05
"""How often every two systems are taken to have met, and tied, beside their votes."""
STEPS = 300


def bradley_terry(wins: Array) -> Array:
    """Of ``wins[..., i, j]``, how often ``i`` beat ``j``, the probability of each to beat an average one: (..., n)."""
    import numpy as np

    count = wins.shape[-1]
    counted = wins + PRIOR / 2 * (1 - np.eye(count))
    met = counted + np.swapaxes(counted, -1, -2)
    won = counted.sum(axis=-1)
    strength = np.ones(won.shape)
    for _ in range(STEPS):
        strength = won / (met / (strength[..., :, None] + strength[..., None, :])).sum(axis=-1)
        strength /= np.exp(np.log(strength).mean(axis=-1, keepdims=True))
    found: Array = strength / (strength + 1)
    return found
