"""Strengths from votes: known cases, and the equations that the estimate must fulfil."""

from __future__ import annotations

import numpy as np
import pytest

from interplay_bench.metrics.bradley_terry import PRIOR, bradley_terry


def test_ties_alone_leave_all_average() -> None:
    assert bradley_terry(np.array([[0.0, 2.5], [2.5, 0.0]])) == pytest.approx(0.5)


def test_three_wins_of_four_are_odds_of_nearly_three() -> None:
    one, other = bradley_terry(np.array([[0.0, 300.0], [100.0, 0.0]]))
    odds = (one / (1 - one)) / (other / (1 - other))
    assert odds == pytest.approx(3, abs=0.02)
    assert one + other == pytest.approx(1)


def test_each_system_is_expected_to_win_as_often_as_it_did() -> None:
    wins = np.array([[0.0, 3.0, 1.0], [1.0, 0.0, 2.5], [0.0, 0.5, 0.0]])
    found = bradley_terry(wins)
    strength = found / (1 - found)
    beats = strength[:, None] / (strength[:, None] + strength[None, :])
    counted = wins + PRIOR / 2 * (1 - np.eye(3))
    assert ((counted + counted.T) * beats).sum(axis=1) == pytest.approx(counted.sum(axis=1))


def test_many_tables_are_weighed_at_once_and_no_win_is_finite() -> None:
    wins = np.array([[[0.0, 3.0], [1.0, 0.0]], [[0.0, 4.0], [0.0, 0.0]]])
    found = bradley_terry(wins)
    assert found[0] == pytest.approx(bradley_terry(wins[0]))
    assert 0 < found[1, 1] < 0.2 < found[1, 0] < 1
