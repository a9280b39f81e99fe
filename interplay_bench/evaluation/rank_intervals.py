"""Between which ranks a run may lie, by paired tests: runs that no test tells apart share their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from interplay_bench.environment.errors import UsageError, unknown_name
from interplay_bench.evaluation.damaged_samples import readable
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_comparison import compare_metric
from interplay_bench.metrics.paired_tests import holm

LEVEL = 0.05


def rank_intervals(runs: Sequence[Run], name: str) -> list[tuple[int, int]]:
    """The first and the last rank that each run may have by the metric ``name``, 1 being the best.

    A run is behind those that are significantly better, and before those that are significantly worse: paired tests of
    all pairs, with Holm's correction at 5%. The runs are of one task and the same dialogues. Raises
    :class:`UsageError` for a metric that is none of the task's, or of which neither way is better.
    """
    task = runs[0].task()
    known = {metric.name: metric for metric in reversed(task.all_metrics())}
    if name not in known:
        raise unknown_name("metric", name, known)
    metric = known[name]
    if metric.direction is None:
        raise UsageError(f"{name} ranks nothing: neither way is better.")
    samples = [run.samples for run in runs]
    values = []
    for run, each in zip(runs, samples, strict=True):
        with readable(run.folder):
            values.append(metric.values(run.task(), each))
    users = [sample.user for sample in max(samples, key=len)]
    pairs = list(combinations(range(len(runs)), 2))
    found = [compare_metric(metric, task, [values[a], values[b]], users) for a, b in pairs]
    adjusted = holm([None if result is None else result[0].p for result in found])
    sign = 1 if metric.direction == "higher" else -1
    ahead, behind = [0] * len(runs), [0] * len(runs)
    for (a, b), result, p in zip(pairs, found, adjusted, strict=True):
        if result is not None and p is not None and p < LEVEL:
            better, worse = (b, a) if sign * result[0].effect > 0 else (a, b)
            ahead[worse] += 1
            behind[better] += 1
    return [(1 + before, len(runs) - after) for before, after in zip(ahead, behind, strict=True)]
