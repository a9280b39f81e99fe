from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.metrics.intervals import bootstrap_means, draws, percentiles
from interplay_bench.metrics.paired_tests import (
    compare_auc,
    compare_distinct,
    compare_means,
    compare_rates,
    holm,
    mcnemar,
)
from tests.growth import grows_at_most


def test_mcnemar_is_statsmodels() -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="statsmodels is not installed")
    rng = random.Random(0)
    for _ in range(1000):
        size = rng.choice([3, 30, 300, 3000])
        b, c = rng.randint(0, size), rng.randint(0, size)
        theirs = tables.mcnemar([[rng.randint(0, 50), b], [c, rng.randint(0, 50)]], exact=True).pvalue
        assert mcnemar(b, c) == pytest.approx(theirs, rel=1e-9, abs=1e-300)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 64)
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


def test_the_papers_two_recommenders_do_not_differ() -> None:
    # 40 and 45 hits of 2,069; whatever the overlap, the difference is not significant.
    assert all(mcnemar(40 - both, 45 - both) > 0.05 for both in range(0, 35))


def test_holm_is_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    monkeypatch.setattr("gc.collect", lambda: 0)  # it collects garbage at every call: 0.1 s each
    rng = random.Random(1)
    for _ in range(1000):
        ps = [rng.random() ** 3 for _ in range(rng.randint(1, 9))]
        assert holm(ps) == pytest.approx(multitest.multipletests(ps, method="holm")[1], abs=1e-12)


def test_holm_leaves_out_what_was_not_tested() -> None:
    assert holm([0.02, None, 0.01]) == [0.02, None, 0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_only_raises_and_keeps_the_order(ps: list[float]) -> None:
    adjusted = [p for p in holm(ps) if p is not None]
    assert all(p <= after <= 1 for p, after in zip(ps, adjusted, strict=True))
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


@pytest.mark.slow
def test_the_bootstrap_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    np = pytest.importorskip("numpy")
    rng = np.random.default_rng(0)
    gaps = []
    for seed in range(1000):
        differences = rng.normal(rng.normal(), 1, size=int(rng.integers(8, 40)))
        theirs = stats.bootstrap(
            (differences,), np.mean, n_resamples=999, method="percentile", vectorized=True, rng=seed
        )
        ours = percentiles(bootstrap_means(differences.tolist(), resamples=999, seed=seed))
        error = differences.std() / len(differences) ** 0.5
        bounds = theirs.confidence_interval
        gaps.append([(ours[0] - bounds.low) / error, (ours[1] - bounds.high) / error])
    # Both are random: each bound of 999 resamples wavers by some 0.085 standard errors.
    assert np.abs(np.mean(gaps, axis=0)).max() < 0.02
    assert np.abs(gaps).max() < 0.6


def test_users_stay_whole() -> None:
    # One user's ten dialogues all moved: that is one piece of evidence, not ten.
    a, b = [0.0] * 20, [1.0] * 10 + [0.0] * 10
    users = [0] * 10 + list(range(1, 11))
    assert (compare_means(a, b).p or 1) < 0.001
    assert (compare_means(a, b, users).p or 0) > 0.3


def test_direction_and_repeatability() -> None:
    rng = random.Random(2)
    a = [rng.random() for _ in range(200)]
    b = [x + 0.1 + rng.gauss(0, 0.1) for x in a]
    there, back = compare_means(a, b), compare_means(b, a)
    assert there == compare_means(a, b)
    assert there.effect == pytest.approx(-back.effect)
    assert there.effect == pytest.approx(0.1, abs=0.03)
    assert (there.low, there.high) == pytest.approx((-(back.high or 0), -(back.low or 0)))
    assert there.p == pytest.approx(2 / 10_001)
    assert there.test == "paired-bootstrap"


def test_p_and_interval_agree() -> None:
    rng = random.Random(3)
    for _ in range(100):
        a = [rng.random() for _ in range(30)]
        b = [x + rng.gauss(0.05, 0.15) for x in a]
        found = compare_means(a, b, resamples=2000)
        assert None not in (found.low, found.high, found.p)
        outside = found.low > 0 or found.high < 0  # type: ignore[operator]
        if not 0.045 < found.p < 0.055:  # type: ignore[operator]
            assert outside == (found.p < 0.05)  # type: ignore[operator]


def test_rates_use_mcnemar() -> None:
    np = pytest.importorskip("numpy")
    a, b = [True] * 50 + [False] * 50, [True] * 40 + [False] * 10 + [True] * 2 + [False] * 48
    found = compare_rates(a, b)
    assert found.effect == pytest.approx(-0.08)
    assert found.p == mcnemar(10, 2)
    assert found.test == "mcnemar-exact"
    # numpy's booleans are no trap: its integers would overflow in the exact sum
    assert compare_rates(np.array(a), np.array(b)) == found


def test_no_difference() -> None:
    found = compare_means(range(12), range(12))
    assert (found.effect, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_few_users_are_too_few_however_many_pairs() -> None:
    a, b, users = [0.0] * 90, [1.0 + i % 7 for i in range(90)], [i % 9 for i in range(90)]
    dull, rich = ["the same words"] * 90, [f"{i} other words" for i in range(90)]
    areas = compare_auc(a, b, [i % 2 == 0 for i in range(90)], users)
    for found in (compare_means(a, b, users), compare_distinct(dull, rich, 2, users), areas):
        assert found is not None
        assert (found.low, found.high, found.p, found.n, found.users, found.too_few) == (None, None, None, 90, 9, True)
    rates = compare_rates([False] * 90, [True] * 90, users)
    assert (rates.low, rates.p) == (None, 2 * 0.5**9)  # nine users, all the same way
    assert not compare_means(a, b, [i % 10 for i in range(90)]).too_few


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="in pairs"):
        compare_means([1], [1, 2])
    with pytest.raises(ValueError, match="no pair"):
        compare_rates([], [])


def test_distinct_is_compared_in_pairs() -> None:
    rng = random.Random(4)
    rich = [" ".join(str(rng.randint(0, 500)) for _ in range(8)) for _ in range(80)]
    poor = [text if i % 2 else rich[0] for i, text in enumerate(rich)]
    found = compare_distinct(poor, rich, 2)
    assert found is not None
    assert None not in (found.low, found.high, found.p)
    assert found.low > 0  # type: ignore[operator]
    assert found.p < 0.001  # type: ignore[operator]
    same = compare_distinct(rich, rich, 2)
    assert same is not None
    assert (same.effect, same.p) == (0, 1)
    assert compare_distinct(["a"], ["b"], 2) is None


def decisions(seed: int, users: int, each: int) -> tuple[list[float], list[float], list[bool], list[int]]:
    """Two models' probabilities for the same things, the second's the better; the likes; the users. Some tie."""
    rng = random.Random(seed)
    labels = [rng.random() < 0.5 for _ in range(users * each)]
    a = [round(rng.random(), 1) for _ in labels]
    b = [round(rng.gauss(0.5 + 0.2 * liked, 0.2), 1) for liked in labels]
    return a, b, labels, [i // each for i in range(len(labels))]


def test_areas_are_compared_as_restated_slowly() -> None:
    a, b, labels, users = decisions(6, 12, 2)

    def area(scores: list[float], rows: list[int]) -> float:
        pairs = [(scores[i], scores[j]) for i in rows if labels[i] for j in rows if not labels[j]]
        return sum((x > y) + (x == y) / 2 for x, y in pairs) / len(pairs)

    effects = []
    for drawn in (row for chunk in draws(12, 300, 11) for row in chunk):
        rows = [i for user in drawn for i in range(len(users)) if users[i] == user]
        if len({labels[i] for i in rows}) == 2:
            effects.append(area(b, rows) - area(a, rows))
    found = compare_auc(a, b, labels, users, resamples=300, seed=11)
    assert found is not None
    assert found.effect == pytest.approx(area(b, list(range(24))) - area(a, list(range(24))))
    low, high = percentiles(sorted(effects))  # type: ignore[arg-type]
    assert (found.low, found.high) == pytest.approx((low, high))
    beyond = min(sum(e <= 0 for e in effects), sum(e >= 0 for e in effects))
    assert found.p == pytest.approx(2 * (beyond + 1) / (len(effects) + 1))
    assert (found.n, found.test) == (24, "paired-bootstrap")


def test_areas_of_one_kind_alone_or_of_one_user() -> None:
    assert compare_auc([0.1, 0.2], [0.3, 0.4], [True, True]) is None
    alone = compare_auc([0.1, 0.2], [0.4, 0.3], [False, True], [0, 0])
    assert alone is not None
    assert (alone.effect, alone.low, alone.high, alone.p) == (-1, None, None, None)
    with pytest.raises(ValueError, match="in pairs"):
        compare_auc([1], [1, 2], [True, False])


def test_a_better_area_is_found_and_an_equal_one_is_not() -> None:
    a, b, labels, users = decisions(7, 60, 4)
    better, same = compare_auc(a, b, labels, users), compare_auc(a, a, labels, users)
    assert better is not None
    assert same is not None
    assert better.effect > 0.1
    assert better.p == pytest.approx(2 / 10_001)
    assert (same.effect, same.low, same.high, same.p) == (0, 0, 0, 1)
    back = compare_auc(b, a, labels, users)
    assert back is not None
    assert (back.low, back.high) == pytest.approx((-(better.high or 0), -(better.low or 0)))


@pytest.mark.slow
def test_the_time_of_a_comparison_grows_with_the_samples_not_their_square() -> None:
    def means(size: int) -> None:
        rng = random.Random(5)
        a, b = ([rng.random() for _ in range(size)] for _ in "ab")
        compare_means(a, b, [rng.randrange(size // 2) for _ in a])

    assert grows_at_most(8, means, 500)
    assert grows_at_most(8, lambda size: compare_auc(*decisions(8, size, 4)), 500)


def test_users_are_swapped_whole() -> None:
    """Three users, differences 5, 3 and -1: of the 8 swaps the sum is at least 7 either way in 4."""
    users = ["a"] * 5 + ["b"] * 3 + ["c"]
    a, b = [False] * 8 + [True], [True] * 8 + [False]
    found = compare_rates(a, b, users)
    assert (found.p, found.test, found.users) == (0.5, "swapped-users", 3)


def test_equal_models_seldom_differ_however_alike_a_users_dialogues_are() -> None:
    """Every dialogue of a user falls alike: McNemar's test counts ten where there is one."""
    rng = random.Random(2)
    users = [user for user in range(12) for _ in range(10)]
    alarms = naive = 0
    for _ in range(300):
        a, b = [[rng.random() < 0.5 for _ in range(12)] for _ in range(2)]
        first, second = [a[user] for user in users], [b[user] for user in users]
        alarms += (compare_rates(first, second, users, resamples=200).p or 0) < 0.05
        naive += (compare_rates(first, second, resamples=50).p or 0) < 0.05
    assert naive > 100
    assert alarms <= 25
