from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.metrics.rates import clustered_wilson, rate, user_rate, wilson

# Table 1 of the paper, as printed, and the only integers of 2,069 dialogues behind it.
TABLE_1 = [
    ("UserSim-Llama 8B", (1917, 103, 49), (0.9265, 0.0498, 0.0237)),
    ("UserSim-Qwen 8B", (1972, 48, 49), (0.9531, 0.0232, 0.0237)),
    ("Llama3.1 70B", (748, 7, 1314), (0.3615, 0.0033, 0.6351)),
    ("Qwen3 32B", (1608, 20, 441), (0.7772, 0.0097, 0.2131)),
]


@pytest.mark.parametrize(("model", "counts", "printed"), TABLE_1, ids=[row[0] for row in TABLE_1])
def test_table_1(model: str, counts: tuple[int, ...], printed: tuple[float, ...]) -> None:
    assert sum(counts) == 2069
    for count, shown in zip(counts, printed, strict=True):
        value = rate("SR", count, 2069, direction="higher").value
        assert value is not None
        # Llama 70B's ET, 7 / 2069 = 0.00338, is printed truncated.
        assert value == pytest.approx(shown, abs=5.1e-5 if count != 7 else 1e-4)


def test_a_rate_carries_its_integers() -> None:
    score = rate("SR", 1917, 2069, direction="higher", history="gold")
    assert (score.count, score.total, score.n, score.direction) == (1917, 2069, 2069, "higher")
    assert score.signature == "SR|history:gold|interval:wilson-95|version:1"
    assert (score.low, score.high) == pytest.approx((0.9144848168027588, 0.9370033626184329), abs=1e-15)


def test_a_rate_of_nothing_has_no_value() -> None:
    score = rate("SR", 0, 0, direction="higher")
    assert (score.value, score.low, score.high, score.count, score.total) == (None, None, None, 0, 0)
    assert wilson(0, 0) == (0, 1)


def test_wilson_is_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is not installed")
    rng = random.Random(0)
    for _ in range(1000):
        total = rng.choice([1, 2, 10, 2069, 10**6])
        count, alpha = rng.randint(0, total), rng.choice([0.1, 0.05, 0.01])
        theirs = proportion.proportion_confint(count, total, alpha=alpha, method="wilson")
        assert wilson(count, total, 1 - alpha) == pytest.approx(theirs, abs=1e-12)


@given(total=st.integers(1, 10**7), data=st.data())
def test_the_interval_holds_the_rate_and_mirrors(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    low, high = wilson(count, total)
    assert 0 <= low <= count / total + 1e-12
    assert count / total - 1e-12 <= high <= 1
    assert wilson(total - count, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("count", "total", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)])
def test_what_cannot_be_is_refused(count: int, total: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        wilson(count, total, confidence)


def test_users_with_one_outcome_each_are_independent() -> None:
    outcomes = [True] * 7 + [False] * 5
    assert user_rate("SR", outcomes, range(12), direction="higher") == rate("SR", 7, 12, direction="higher")


def test_users_who_always_agree_with_themselves_count_once() -> None:
    """Ten users of five equal outcomes know what ten outcomes do; the quantile is Student's of nine degrees."""
    users = [user for user in range(10) for _ in range(5)]
    low, high = clustered_wilson([user < 4 for user in users], users)
    # By hand: the variance by users has 9 degrees of freedom.
    p, n, t = 0.4, 9.0, 2.262157
    scale = 1 + t * t / n
    half = t * (p * (1 - p) / n + t * t / (4 * n * n)) ** 0.5 / scale
    middle = (p + t * t / (2 * n)) / scale
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_an_interval_by_users_covers() -> None:
    """20 users of 20 dialogues each, users differ (beta, intra-class correlation 0.1): Wilson's alone covers 0.67."""
    rng = random.Random(1)
    plain = clustered = 0
    users = [user for user in range(20) for _ in range(20)]
    for _ in range(400):
        own = [rng.betavariate(2.7, 6.3) for _ in range(20)]  # mean 0.3, correlation 1 / (1 + 9)
        outcomes = [rng.random() < own[user] for user in users]
        low, high = wilson(sum(outcomes), len(outcomes))
        plain += low <= 0.3 <= high
        low, high = clustered_wilson(outcomes, users)
        clustered += low <= 0.3 <= high
    assert plain / 400 < 0.8
    assert clustered / 400 >= 0.93


def test_one_user_alone_has_no_interval() -> None:
    score = user_rate("SR", [True, False], ["u", "u"], direction="higher")
    assert (score.value, score.low, score.high) == (0.5, None, None)
    assert score.signature == rate("SR", 1, 2, direction="higher").signature


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=60))
def test_an_interval_by_users_holds_the_rate(pairs: list[tuple[bool, int]]) -> None:
    outcomes, users = [o for o, _ in pairs], [u for _, u in pairs]
    if len(set(users)) > 1:
        low, high = clustered_wilson(outcomes, users)
        assert 0 <= low <= sum(outcomes) / len(outcomes) + 1e-12
        assert sum(outcomes) / len(outcomes) - 1e-12 <= high <= 1
