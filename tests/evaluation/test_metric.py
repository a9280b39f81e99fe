from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from interplay_bench import Mean, Metric, Sample
from interplay_bench.metrics.intervals import mean_score

SAMPLES = [Sample(f"d{i}", f"u{i // 6}", "done", {}, {"value": float(i // 6)}) for i in range(30)]
TASK: Any = SimpleNamespace(seed=3)


def values(task: Any, samples: Sequence[Sample]) -> dict[tuple[int, int], float]:
    return {(i, 0): sample.detail["value"] for i, sample in enumerate(samples)}


@pytest.mark.parametrize("cluster", ["user", "dialogue"])
def test_what_belongs_together_is_resampled_together(cluster: Any) -> None:
    score = Metric("m", "", Mean(), values, cluster=cluster).score(TASK, SAMPLES)
    numbers = [sample.detail["value"] for sample in SAMPLES]
    groups = [sample.user for sample in SAMPLES] if cluster == "user" else list(range(30))
    assert score == mean_score("m", numbers, groups, direction=None, seed=3)


def test_a_metric_that_does_not_apply_is_left_out() -> None:
    assert Metric("m", "", Mean(), values, applies=lambda task: False).score(TASK, SAMPLES) is None
    assert Metric("m", "", Mean(), lambda task, samples: None).score(TASK, SAMPLES) is None
