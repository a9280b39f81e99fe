"""Whom annotators prefer by one criterion: the win ratio with its interval, and an exact sign test.

A pair is one draw however many judge it: the test counts pairs, each for whom most of its annotators prefer. The
interval resamples annotators and pairs both, each pair of a resampled annotator and a resampled pair weighing the
product of both (the pigeonhole bootstrap), which never claims more precision than there is. Resampling g annotators
shows only (g - 1) / g of their variance, so the interval is widened by the root of g / (g - 1), of the smaller g.

Owen, A. (2007). The pigeonhole bootstrap. Annals of Applied Statistics 1. Dixon, W. and Mood, A. (1946). The
statistical sign test. JASA 41.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from interplay_bench.metrics.intervals import cluster_index, percentiles
from interplay_bench.study.resampling import resample_weights

RESAMPLES = 2_000
FEWEST = 3
"""The fewest annotators, and pairs, whose resampling says anything."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One annotator's answer on one pair: ``prefers`` is ``a``, ``b`` or ``tie``; of a scale, the level."""

    annotator: str
    pair: str
    prefers: str


@dataclass(frozen=True, slots=True)
class Preference:
    """``ratio``: the share of A's wins among the answers that decide; ``p``: the sign test over pairs.

    ``low`` and ``high`` (95%) are ``None`` where too few annotators or pairs were heard.
    """

    wins: int
    ties: int
    losses: int
    ratio: float | None
    low: float | None
    high: float | None
    p: float | None


def preference(votes: Sequence[Vote], seed: int = 0) -> Preference:
    """What ``votes`` of one criterion say."""
    wins, ties, losses = (sum(vote.prefers == side for vote in votes) for side in ("a", "tie", "b"))
    decided = [vote for vote in votes if vote.prefers != "tie"]
    if not decided:
        return Preference(wins, ties, losses, None, None, None, None)
    low, high = _interval(votes, seed)
    return Preference(wins, ties, losses, wins / len(decided), low, high, _sign_test(decided))


def net_votes(votes: Sequence[Vote]) -> Mapping[str, int]:
    """By pair, how many more prefer A than B."""
    net: dict[str, int] = {}
    for vote in votes:
        net[vote.pair] = net.get(vote.pair, 0) + {"a": 1, "b": -1}.get(vote.prefers, 0)
    return net


def _sign_test(votes: Sequence[Vote]) -> float | None:
    from scipy.stats import binomtest

    net = net_votes(votes)
    for_a, for_b = (sum(n * sign > 0 for n in net.values()) for sign in (1, -1))
    return float(binomtest(for_a, for_a + for_b).pvalue) if for_a + for_b else None


def _interval(votes: Sequence[Vote], seed: int) -> tuple[float | None, float | None]:
    import numpy as np

    rows, annotators = cluster_index([vote.annotator for vote in votes], len(votes))
    columns, pairs = cluster_index([vote.pair for vote in votes], len(votes))
    if min(annotators, pairs) < FEWEST:
        return None, None
    wins, decided = np.zeros((annotators, pairs)), np.zeros((annotators, pairs))
    np.add.at(wins, (rows, columns), [vote.prefers == "a" for vote in votes])
    np.add.at(decided, (rows, columns), [vote.prefers != "tie" for vote in votes])
    weights = [resample_weights(groups, RESAMPLES, seed + n) for n, groups in enumerate((annotators, pairs))]
    won, counted = (((weights[0] @ cells) * weights[1]).sum(axis=1) for cells in (wins, decided))
    low, high = percentiles(won[counted > 0] / counted[counted > 0])
    ratio, few = wins.sum() / decided.sum(), min(annotators, pairs)
    wider = sqrt(few / (few - 1))
    return max(0.0, float(ratio - wider * (ratio - low))), min(1.0, float(ratio + wider * (high - ratio)))
