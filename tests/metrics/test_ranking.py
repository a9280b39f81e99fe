from __future__ import annotations

import pytest

from interplay_bench.metrics.ranking import mrr, ndcg_at, recall_at

RANKS = [1, 3, None, 11]
"""Voorhees: 1, 1/3, 0, 1/11; trec_eval's discounts 1/log2(1 + rank): 1, 0.5, 0, 0.2789."""


def test_golden_numbers() -> None:
    users = ["a", "b", "b", "c"]
    assert [recall_at(RANKS, k, name="R").count for k in (1, 10, 50)] == [1, 2, 3]
    assert mrr(RANKS, 50, users).value == pytest.approx((1 + 1 / 3 + 1 / 11) / 4)
    assert ndcg_at(RANKS, 10, users).value == pytest.approx(1.5 / 4)
    assert ndcg_at(RANKS, 50, users).value == pytest.approx((1.5 + 0.278943) / 4, abs=1e-6)
    assert mrr(RANKS, 50, users).signature.startswith("mrr@50|")


def test_of_nothing_there_is_no_value() -> None:
    assert mrr([], 10, []).value is None
    assert recall_at([], 1, name="R").value is None


def test_a_rank_below_the_cut_counts_nothing() -> None:
    assert mrr([1, 2, 3], 2, ["a", "b", "c"]).value == pytest.approx((1 + 1 / 2) / 3)
