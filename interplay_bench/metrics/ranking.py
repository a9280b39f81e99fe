"""How high a ranking puts the one item that is right: Recall@k, MRR, NDCG@k.

All lie in [0, 1]; higher is better. With one right item per ranking, Recall@k is the share of rankings that hold it
among their first k; the reciprocal rank is 1/rank, and 0 where it is not among the first ``cut`` (MRR@cut); NDCG@k is
1/log2(1 + rank) within the first k, the ideal being 1. Ambiguities: what a ranking is over (all items, or those that
were not named yet) is the model's to say; how deep it goes stands in the signature.

Voorhees, E. (1999). The TREC-8 question answering track report. Järvelin, K. and Kekäläinen, J. (2002). Cumulated
gain-based evaluation of IR techniques. TOIS 20.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import log2
from typing import Any

from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.rates import rate
from interplay_bench.metrics.score import Score

Rank = int | None
"""The place of the right item, from 1; ``None`` where the ranking does not hold it."""


def found(rank: Rank, k: int) -> bool:
    """Whether the right item is among the first ``k``."""
    return rank is not None and rank <= k


def reciprocal(rank: Rank, cut: int) -> float:
    """1/rank, or 0 where the right item is not among the first ``cut``."""
    return 1 / rank if rank is not None and rank <= cut else 0.0


def gain(rank: Rank, k: int) -> float:
    """The discounted gain of one right item within the first ``k``."""
    return 1 / log2(1 + rank) if rank is not None and rank <= k else 0.0


def recall_at(ranks: Sequence[Rank], k: int, *, name: str, **parts: Any) -> Score:
    """Recall@k as a rate with Wilson's interval."""
    return rate(name, sum(found(rank, k) for rank in ranks), len(ranks), direction="higher", **parts)


def mrr(ranks: Sequence[Rank], cut: int, clusters: Sequence[Hashable], *, seed: int = 0, **parts: Any) -> Score:
    """The mean reciprocal rank of rankings that are ``cut`` deep."""
    values = [reciprocal(rank, cut) for rank in ranks]
    return mean_score("MRR", values, clusters, direction="higher", metric=f"mrr@{cut}", seed=seed, **parts)


def ndcg_at(ranks: Sequence[Rank], k: int, clusters: Sequence[Hashable], *, seed: int = 0, **parts: Any) -> Score:
    """The mean NDCG@k."""
    values = [gain(rank, k) for rank in ranks]
    return mean_score(f"NDCG@{k}", values, clusters, direction="higher", metric=f"ndcg@{k}", seed=seed, **parts)
