from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interplay_bench.metrics.auc import auc


def pairwise(scores: list[float], labels: list[bool]) -> float:
    """The definition: every positive against every negative."""
    up = [score for score, label in zip(scores, labels, strict=True) if label]
    down = [score for score, label in zip(scores, labels, strict=True) if not label]
    return sum((p > n) + (p == n) / 2 for p in up for n in down) / (len(up) * len(down))


@pytest.mark.parametrize(
    ("scores", "labels", "value"),
    [
        ([0.1, 0.4, 0.35, 0.8], [False, False, True, True], 0.75),
        ([1, 2, 3, 4], [False, False, True, True], 1.0),
        ([1, 2, 3, 4], [True, True, False, False], 0.0),
        ([7, 7, 7], [True, False, True], 0.5),
    ],
)
def test_known_areas(scores: list[float], labels: list[bool], value: float) -> None:
    assert auc(scores, labels).value == pytest.approx(value)


@pytest.mark.parametrize("labels", [[], [True, True], [False, False]])
def test_one_kind_alone_has_no_area(labels: list[bool]) -> None:
    score = auc([0.5] * len(labels), labels)
    assert (score.value, score.low, score.high, score.n) == (None, None, None, len(labels))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_it_is_the_pairwise_definition(rows: list[tuple[int, bool]]) -> None:
    scores, labels = [float(score) for score, _ in rows], [label for _, label in rows]
    found = auc(scores, labels, resamples=50)
    if len(set(labels)) < 2:
        assert found.value is None
        return
    assert found.value == pytest.approx(pairwise(scores, labels))
    if found.low is not None:
        assert found.high is not None
        assert 0 <= found.low <= found.high <= 1


def decisions(dialogues: int, turns: int, seed: int) -> tuple[list[float], list[bool], list[int]]:
    rng = random.Random(seed)
    labels = [rng.random() < 0.4 for _ in range(dialogues)]
    rows = [(rng.gauss(label, 1), label, dialogue) for dialogue, label in enumerate(labels)]
    return tuple(list(column) for column in zip(*(row for row in rows for _ in range(turns)), strict=True))  # type: ignore[return-value]


def test_repeated_turns_add_no_certainty() -> None:
    once = auc(*decisions(80, 1, 0))
    often = auc(*decisions(80, 4, 0))
    scores, labels, _ = decisions(80, 4, 0)
    fooled = auc(scores, labels)
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))
    assert None not in (fooled.low, fooled.high, once.low, once.high)
    assert fooled.high - fooled.low < 0.6 * (once.high - once.low)  # type: ignore[operator]
    assert often.signature == "auc|ties:half|interval:bootstrap-cluster-95|version:1"


def test_the_interval_is_about_hanley_and_mcneils() -> None:
    scores, labels, _ = decisions(400, 1, 1)
    found = auc(scores, labels)
    assert None not in (found.value, found.low, found.high)
    a, up = float(found.value or 0), sum(labels)
    down = len(labels) - up
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = ((a * (1 - a) + (up - 1) * (q1 - a * a) + (down - 1) * (q2 - a * a)) / (up * down)) ** 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)  # type: ignore[operator]


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        auc([0.5, float("nan")], [True, False])


def test_within_strata_only_pairs_of_one_stratum_count() -> None:
    scores, labels = [1.0, 2.0, 3.0, 4.0], [False, True, False, True]
    assert auc(scores, labels).value == pytest.approx(0.75)
    within = auc(scores, labels, strata=["first", "first", "second", "second"])
    assert within.value == 1
    assert "pairs:within-strata" in within.signature
    assert auc(scores, labels, strata=[1, 2, 3, 4]).value is None
