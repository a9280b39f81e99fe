"""Kendall's tau: by hand, and beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from interplay_bench.metrics.rank_correlation import kendall_tau


@pytest.mark.parametrize(
    ("x", "y", "tau"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),  # two pairs alike, one otherwise
        ([1, 2, 2], [1, 2, 3], 2 / 6**0.5),  # a tie on one side
    ],
)
def test_known_rankings(x: list[float], y: list[float], tau: float) -> None:
    assert float(kendall_tau(np.array(x), np.array(y))) == pytest.approx(tau)


def test_rows_are_ranked_apart_and_as_scipy_does() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (20, 9)), rng.integers(0, 5, (20, 9))
    assert kendall_tau(x, y) == pytest.approx([kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)])


def test_a_constant_side_has_no_tau() -> None:
    assert np.isnan(kendall_tau(np.array([1.0, 1.0]), np.array([1.0, 2.0])))
