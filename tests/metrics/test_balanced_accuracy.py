from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.metrics.balanced_accuracy import BalancedAccuracy
from interplay_bench.metrics.score import Score

Pairs = list[tuple[bool, bool]]
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30)


def score(values: Pairs, clusters: list[int] | None = None) -> Score:
    owners = list(range(len(values))) if clusters is None else clusters
    return BalancedAccuracy().score("agreement", values, owners, direction="higher", seed=0)


def test_the_mean_of_two_recalls() -> None:
    found = score([(True, True), (True, True), (True, True), (False, True), (False, False), (True, False)])
    assert found.value == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high
    assert found.count is None


def test_golden_interval() -> None:
    values = [(i % 3 > 0, i % 2 > 0) for i in range(40)]
    found = score(values, [i // 4 for i in range(40)])
    assert (found.value, found.low, found.high) == (0.5, 0.375, 0.625)


@pytest.mark.parametrize("answer", [True, False])
def test_a_constant_answer_gets_a_half(answer: bool) -> None:
    assert score([(answer, truth) for truth in (True, True, True, False)]).value == 0.5


@given(pairs)
def test_it_is_what_its_definition_says(values: Pairs) -> None:
    kinds = [[answer == truth for answer, truth in values if truth is kind] for kind in (True, False)]
    if all(kinds):
        assert score(values).value == pytest.approx(sum(sum(kind) / len(kind) for kind in kinds) / 2)
    else:
        assert score(values).value is None


@given(pairs)
def test_the_opposite_judge_gets_the_rest(values: Pairs) -> None:
    found, opposite = score(values).value, score([(not answer, truth) for answer, truth in values]).value
    assert (found is None) == (opposite is None)
    assert found is None or opposite is None or found + opposite == pytest.approx(1)


def test_who_takes_everything_is_not_worse_than_who_agrees_with_few_more() -> None:
    # 100 users, 90 of whom took it: a constant taker agrees with 90 of them, and has learnt nothing.
    truths = [n < 90 for n in range(100)]
    constant = [(True, truth) for truth in truths]
    listener = [(truth if n % 5 else not truth, truth) for n, truth in enumerate(truths)]
    found = BalancedAccuracy().compare(constant, listener, list(range(100)))
    assert found is not None
    assert found.effect == pytest.approx(0.3)
    assert found.low is not None
    assert found.p is not None
    assert found.low > 0
    assert found.p < 0.05
    equal = BalancedAccuracy().compare(listener, listener, list(range(100)))
    assert equal is not None
    assert (equal.effect, equal.p) == (0, 1)


def test_few_users_have_no_p_and_one_kind_of_truth_no_comparison() -> None:
    values = [(True, n % 2 > 0) for n in range(6)]
    few = BalancedAccuracy().compare(values, values, list(range(6)))
    assert few is not None
    assert (few.low, few.high, few.p) == (None, None, None)
    assert BalancedAccuracy().compare([(True, True)] * 20, [(False, True)] * 20, list(range(20))) is None
