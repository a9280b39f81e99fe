"""How many pairs a study needs: the power of the exact sign test."""

from __future__ import annotations

MOST = 2_000
"""Pairs beyond which nobody would go."""


def pairs_needed(ratio: float, power: float = 0.8, level: float = 0.05) -> int | None:
    """The fewest decided pairs from which on a win ratio of ``ratio`` is found with ``power`` at ``level`` (two-sided).

    The power of an exact test goes up and down with the number of pairs: from this number on it stays above.
    ``None`` where more than :data:`MOST` were needed.
    """
    import numpy as np
    from scipy.stats import binom

    n = np.arange(1, MOST + 1)
    # The largest count of losses that is still significant, -1 where none is.
    few = binom.ppf(level / 2, n, 0.5).astype(int)
    few -= binom.cdf(few, n, 0.5) > level / 2
    reached = binom.cdf(few, n, 1 - ratio) + binom.cdf(few, n, ratio) >= power
    if not reached[-1]:
        return None
    return int(n[~reached][-1]) + 1 if not reached.all() else 1
