from __future__ import annotations

import random
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interplay_bench.metrics.intervals import mean_score


def test_the_mean_and_its_interval() -> None:
    rng = random.Random(0)
    values = [rng.gauss(3, 1) for _ in range(400)]
    score = mean_score("score", values, direction="higher", metric="bertscore-f1", layer=6)
    assert score.value == pytest.approx(fmean(values), abs=1e-12)
    assert score.signature == "bertscore-f1|layer:6|interval:bootstrap-sample-95|version:1"
    half = 1.96 * stdev(values) / 20
    assert score.low == pytest.approx(fmean(values) - half, abs=0.1 * half)
    assert score.high == pytest.approx(fmean(values) + half, abs=0.1 * half)
    assert score == mean_score("score", values, direction="higher", metric="bertscore-f1", layer=6)


def test_repeating_a_value_within_its_cluster_adds_no_certainty() -> None:
    rng = random.Random(1)
    values = [rng.random() for _ in range(60)]
    once = mean_score("x", values, direction=None)
    often = mean_score("x", values * 5, list(range(60)) * 5, direction=None)
    fooled = mean_score("x", values * 5, direction=None)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    assert fooled.low is not None
    assert once.low is not None
    assert fooled.low > once.low
    assert "bootstrap-cluster-95" in often.signature


def test_uneven_clusters_weigh_by_their_size() -> None:
    score = mean_score("x", [1, 1, 1, 0], ["a", "a", "a", "b"], direction=None)
    assert (score.value, score.low, score.high) == (0.75, 0, 1)


@pytest.mark.parametrize(("values", "clusters", "value"), [([], None, None), ([2.0], None, 2.0), ([1, 3], "aa", 2.0)])
def test_too_little_for_an_interval(values: list[float], clusters: str | None, value: float | None) -> None:
    score = mean_score("x", values, clusters, direction=None)
    assert (score.value, score.low, score.high, score.n) == (value, None, None, len(values))


def test_clusters_must_fit() -> None:
    with pytest.raises(ValueError, match="2 values, but 1 clusters"):
        mean_score("x", [1, 2], ["a"], direction=None)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.integers(0, 2**32))
def test_the_interval_stays_within_the_values(values: list[float], seed: int) -> None:
    score = mean_score("x", values, direction=None, resamples=200, seed=seed)
    assert score.low is not None
    assert score.high is not None
    slack = 1e-9 * max(map(abs, values)) + 1e-12
    assert min(values) - slack <= score.low <= score.high <= max(values) + slack
