"""Rates: so many of so many, with Wilson's interval.

Range [0, 1]. Which way is better depends on what is counted, so the caller says. Wilson's interval takes the counted
things to be independent. Where several are of one user they are not, and it is taken of so many independent things as
know as much: their number over the design effect, the ratio of the variance by users to that of independent things,
with Student's t of as many users for the normal quantile. In simulation (``benchmarks/coverage.py``) it covers 0.93 to
0.99 of the time at 5 to 30 users, Wilson's alone 0.63 to 0.94; the exception is a rare outcome (0.05) of users who
differ much (correlation 0.3), covered 0.89 to 0.93 of the time at 20 and 30 users.

Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22. Korn, E. L. and
Graubard, B. I. (1998). Confidence intervals for proportions with small expected number of positive counts estimated
from survey data. Survey Methodology 24.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import sqrt
from statistics import NormalDist

from interplay_bench.metrics.score import Direction, Score, signature

VERSION = 1


def wilson(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for ``count`` of ``total``; of nothing, everything is possible: ``(0, 1)``."""
    if not 0 <= count <= total:
        raise ValueError(f"count must lie between 0 and total, but is {count} of {total}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, but is {confidence}")
    if total == 0:
        return 0.0, 1.0
    return _interval(count / total, total, NormalDist().inv_cdf((1 + confidence) / 2))


def clustered_wilson(
    outcomes: Sequence[bool], clusters: Sequence[Hashable], confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a rate whose outcomes belong to ``clusters`` (users), of which there are at least two."""
    if len(outcomes) != len(clusters):
        raise ValueError(f"{len(outcomes)} outcomes, but {len(clusters)} clusters")
    sizes = Counter(clusters)
    if len(sizes) < 2:
        raise ValueError("one user alone has no interval")
    from scipy.stats import t

    quantile = float(t.ppf((1 + confidence) / 2, len(sizes) - 1))
    return _interval(sum(map(bool, outcomes)) / len(outcomes), _independent(outcomes, clusters, sizes), quantile)


def _independent(outcomes: Sequence[bool], clusters: Sequence[Hashable], sizes: Counter[Hashable]) -> float:
    """How many independent outcomes know as much; never more than there are.

    Where all are alike nothing is known of the users' differences, and each user counts once.
    """
    n, users = len(outcomes), len(sizes)
    hits = Counter(cluster for cluster, outcome in zip(clusters, outcomes, strict=True) if outcome)
    p = sum(hits.values()) / n
    by_user = users / (users - 1) * sum((hits[user] - p * size) ** 2 for user, size in sizes.items()) / n**2
    return min(n, p * (1 - p) / by_user) if by_user else users


def _interval(p: float, total: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval of a share ``p`` of ``total`` at a quantile."""
    square = quantile * quantile
    scale = 1 + square / total
    middle = (p + square / (2 * total)) / scale
    half = quantile * sqrt(p * (1 - p) / total + square / (4 * total * total)) / scale
    return (0.0 if p == 0 else middle - half), (1.0 if p == 1 else middle + half)


def rate(name: str, count: int, total: int, *, direction: Direction | None, **parts: object) -> Score:
    """Return ``count / total`` as a score; ``parts`` go into its signature. Without a total there is no value."""
    return _score(name, count, total, wilson(count, total) if total else (None, None), direction, parts)


def user_rate(
    name: str, outcomes: Sequence[bool], users: Sequence[Hashable], *, direction: Direction | None, **parts: object
) -> Score:
    """Return the share of ``outcomes`` that are true, with an interval by ``users`` where one has several.

    Where all are of one user there is no interval. The signature does not tell the two intervals apart, since of two
    models that were asked the same the one may have answered where no user repeats.
    """
    count, total, different = sum(map(bool, outcomes)), len(outcomes), len(set(users))
    if different == total:
        return rate(name, count, total, direction=direction, **parts)
    bounds = clustered_wilson(outcomes, users) if different > 1 else (None, None)
    return _score(name, count, total, bounds, direction, parts)


def _score(
    name: str,
    count: int,
    total: int,
    bounds: tuple[float | None, float | None],
    direction: Direction | None,
    parts: dict[str, object],
) -> Score:
    described = {**parts, "interval": "wilson-95"}
    described["version"] = described.pop("version", VERSION)
    value = count / total if total else None
    return Score(name, value, total, signature(name, **described), *bounds, count, total, direction)
