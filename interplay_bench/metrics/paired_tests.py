"""Comparing two models that answered the same dialogues.

Everything is paired, and every effect is the second model's value minus the first's. Rates are tested with McNemar's
exact test, and where users repeat by swapping the two models user by user (a randomization test); means and areas
under the ROC curve with a paired bootstrap that resamples whole users, Dist-n with a paired jackknife; several metrics
at once get Holm's correction.

McNemar, Q. (1947). Psychometrika 12. Holm, S. (1979). Scandinavian Journal of Statistics 6. Edgington, E. S. and
Onghena, P. (2007). Randomization Tests.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.auc import area, bootstrap_areas
from interplay_bench.metrics.distinct import distinct_difference
from interplay_bench.metrics.intervals import RESAMPLES, bootstrap_means, cluster_index, percentiles

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

ENOUGH = 10
"""The fewest users whose resampling says anything. Where two models are equal (normal differences, 2,000 trials), a
paired bootstrap's p is below 0.05 in 26% of comparisons of 3 users, 17% of 5, 10% of 10, 6% of 20."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second model minus the first: the effect, its 95% interval, and how likely as much is by chance alone.

    ``n``: how many pairs, of how many ``users`` (or whatever else is drawn as a whole). ``low``, ``high`` and ``p`` are
    ``None`` where there is too little to tell: what is drawn anew takes :data:`ENOUGH` users.
    """

    effect: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    users: int
    test: str

    @property
    def too_few(self) -> bool:
        """Whether there are fewer users than resampling takes."""
        return self.users < ENOUGH


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p of so many pairs where only A, and where only B, came out true."""
    if only_a < 0 or only_b < 0:
        raise ValueError(f"counts cannot be negative, but are {only_a} and {only_b}")
    from scipy.stats import binomtest

    n = int(only_a) + int(only_b)
    return float(binomtest(int(only_a), n).pvalue) if n else 1.0


def compare_rates(
    a: Sequence[bool],
    b: Sequence[bool],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two rates, outcome by outcome: McNemar's exact test, and a bootstrapped interval.

    McNemar's test takes the pairs to be independent. Where ``clusters`` (users) have several each,
    :func:`swapped_users` tests instead.
    """
    effect, low, high, _ = _bootstrap([bool(x) for x in a], [bool(x) for x in b], clusters, resamples, seed)
    users = _groups(clusters, a)
    if clusters is not None and users < len(a):
        p = swapped_users([bool(y) - bool(x) for x, y in zip(a, b, strict=True)], clusters, draws=resamples, seed=seed)
        return Comparison(effect, low, high, p, len(a), users, "swapped-users")
    only_a = sum(bool(x and not y) for x, y in zip(a, b, strict=True))
    only_b = sum(bool(y and not x) for x, y in zip(a, b, strict=True))
    return Comparison(effect, low, high, mcnemar(only_a, only_b), len(a), users, "mcnemar-exact")


def swapped_users(
    differences: Sequence[float], clusters: Sequence[Hashable], *, draws: int = RESAMPLES, seed: int = 0
) -> float:
    """Return the two-sided p of the sum of ``differences`` if for each user the two models might as well be swapped.

    Of all swaps where there are at most ``draws``, else of so many drawn ones, the observed one among them.
    """
    import numpy as np

    index, groups = cluster_index(clusters, len(differences))
    sums = np.bincount(index, weights=np.asarray(differences, dtype=float), minlength=groups)
    sums = sums[sums != 0]  # a user without a difference changes nothing
    observed = abs(sums.sum()) - 1e-12  # sums that are equal but for rounding are as extreme
    if 2 ** len(sums) <= draws:
        signs = 1 - 2 * (np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1)
        return float((np.abs(signs @ sums) >= observed).mean())
    signs = 1 - 2 * np.random.default_rng(seed).integers(0, 2, size=(draws, len(sums)), dtype=np.int8)
    return float(((np.abs(signs @ sums) >= observed).sum() + 1) / (draws + 1))


def compare_means(
    a: Sequence[float],
    b: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two means, value by value, by a paired bootstrap over ``clusters`` (users).

    p is twice the share of resamples on the far side of zero, and so never below ``2 / (resamples + 1)``.
    """
    judged = _bootstrap(a, b, clusters, resamples, seed)
    return Comparison(*judged, len(a), _groups(clusters, a), "paired-bootstrap")


def compare_auc(
    a: Sequence[float],
    b: Sequence[float],
    labels: Sequence[bool],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison | None:
    """Compare the areas under the ROC curve of two scorings of the same samples, by a bootstrap over ``clusters``.

    Both areas are of the same resample each time; one that holds one kind alone is left out. ``None`` where ``labels``
    hold one kind alone.
    """
    _check_pairs(a, b)
    area_a, area_b = area(a, labels), area(b, labels)
    if area_a is None or area_b is None:
        return None
    effect, users = area_b - area_a, _groups(clusters, a)
    if users < ENOUGH:
        return Comparison(effect, None, None, None, len(a), users, "paired-bootstrap")
    import numpy as np

    areas_a, areas_b = bootstrap_areas([a, b], labels, clusters, resamples=resamples, seed=seed)
    known = ~np.isnan(areas_a)  # what has no area for one scoring has none for the other
    return Comparison(effect, *_judge(areas_b[known] - areas_a[known]), len(a), users, "paired-bootstrap")


def compare_distinct(
    a: Sequence[str],
    b: Sequence[str],
    n: int = 4,
    clusters: Sequence[Hashable] | None = None,
    *,
    definition: str = "paper",
) -> Comparison | None:
    """Compare two Dist-n over the same contexts, so at equal size; ``None`` where one side has no n-gram."""
    found = distinct_difference(a, b, n, clusters, definition=definition)
    if found is None:
        return None
    (effect, error), users = found, _groups(clusters, a)
    if error is None or users < ENOUGH:
        return Comparison(effect, None, None, None, len(a), users, "paired-jackknife")
    normal = NormalDist()
    half = normal.inv_cdf(0.975) * error
    p = 2 * normal.cdf(-abs(effect) / error) if error else float(effect == 0)
    return Comparison(effect, effect - half, effect + half, p, len(a), users, "paired-jackknife")


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p values, in the same order; one that is ``None`` was no test and stays so."""
    tested = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        adjusted[i] = largest
    return adjusted


def _bootstrap(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable] | None, resamples: int, seed: int
) -> tuple[float, float | None, float | None, float | None]:
    _check_pairs(a, b)
    differences = [float(y) - float(x) for x, y in zip(a, b, strict=True)]
    effect = fsum(differences) / len(differences)
    if _groups(clusters, a) < ENOUGH:
        return effect, None, None, None
    return effect, *_judge(bootstrap_means(differences, clusters, resamples=resamples, seed=seed))


def _groups(clusters: Sequence[Hashable] | None, values: Sequence[object]) -> int:
    """How many users ``values`` are of; without ``clusters``, each of its own."""
    return cluster_index(clusters, len(values))[1]


def _check_pairs(a: Sequence[float], b: Sequence[float]) -> None:
    if len(a) != len(b):
        raise ValueError(f"values come in pairs, but there are {len(a)} and {len(b)}")
    if not len(a):
        raise ValueError("there is no pair to compare")


def _judge(effects: Array) -> tuple[float | None, float | None, float | None]:
    """The interval and p of bootstrapped effects: p is twice the share on the far side of zero, one more counted."""
    if not len(effects):
        return None, None, None
    beyond = min(int((effects <= 0).sum()), int((effects >= 0).sum()))
    return *percentiles(effects), min(1.0, 2 * (beyond + 1) / (len(effects) + 1))
