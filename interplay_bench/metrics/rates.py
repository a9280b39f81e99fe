"""Rates: so many of so many, with Wilson's interval.

Range [0, 1]. Which way is better depends on what is counted, so the caller says. The interval takes the counted
things to be independent; where several share a user it is somewhat too narrow
(:func:`interplay_bench.metrics.intervals.mean_score` clusters).

Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from interplay_bench.results import Direction, Score, signature

VERSION = 1


def wilson(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for ``count`` of ``total``; of nothing, everything is possible: ``(0, 1)``."""
    if not 0 <= count <= total:
        raise ValueError(f"count must lie between 0 and total, but is {count} of {total}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, but is {confidence}")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = count / total
    scale = 1 + z * z / total
    middle = (p + z * z / (2 * total)) / scale
    half = z * sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / scale
    return (0.0 if count == 0 else middle - half), (1.0 if count == total else middle + half)


def rate(name: str, count: int, total: int, *, direction: Direction | None, **parts: object) -> Score:
    """Return ``count / total`` as a score; ``parts`` go into its signature. Without a total there is no value."""
    low, high = wilson(count, total)
    known = total > 0
    described = {**parts, "interval": "wilson-95"}
    described["version"] = described.pop("version", VERSION)
    return Score(
        name,
        count / total if known else None,
        total,
        signature(name, **described),
        low if known else None,
        high if known else None,
        count,
        total,
        direction,
    )
