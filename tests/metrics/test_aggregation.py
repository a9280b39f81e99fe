"""What a paired test calls the difference is the difference of the two scores beside it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from interplay_bench.metrics.aggregation import Aggregation, Auc, Mean, Rate
from interplay_bench.metrics.balanced_accuracy import BalancedAccuracy

USERS = [n // 3 for n in range(90)]
TRUTHS = [n % 5 > 0 for n in range(90)]


def answers(seed: int, often: float) -> list[bool]:
    rng = random.Random(seed)
    return [rng.random() < often for _ in USERS]


def shares(seed: int) -> list[float]:
    rng = random.Random(seed)
    return [rng.random() for _ in USERS]


@pytest.mark.parametrize(
    ("how", "a", "b"),
    [
        (Rate(), answers(1, 0.3), answers(2, 0.7)),
        (Mean(), shares(1), shares(2)),
        (Auc(), list(zip(shares(1), TRUTHS, strict=True)), list(zip(shares(2), TRUTHS, strict=True))),
        (BalancedAccuracy(), *(list(zip(answers(n, 0.5), TRUTHS, strict=True)) for n in (1, 2))),
    ],
    ids=["rate", "mean", "auc", "balanced accuracy"],
)
def test_the_effect_is_the_difference_of_the_scores(how: Aggregation, a: list[Any], b: list[Any]) -> None:
    scored = [how.score("x", values, USERS, direction="higher", seed=0) for values in (a, b)]
    one, other = (each.value if each else None for each in scored)
    found = how.compare(a, b, USERS)
    assert found is not None
    assert one is not None
    assert other is not None
    assert found.effect == pytest.approx(other - one)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.effect < found.high
