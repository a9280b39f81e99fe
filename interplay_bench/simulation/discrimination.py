"""Discrimination: how much more often a user accepts from a recommender that is told the target than from another.

A user who listens takes far fewer of a random recommender's items. Range [-1, 1]; near 0, the user takes whatever
comes.
"""

from __future__ import annotations

from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_comparison import compare_metric
from interplay_bench.metrics.paired_tests import Comparison

ACCEPTANCE = "acceptance"


def discrimination(told: Run, other: Run) -> Comparison | None:
    """The acceptance of ``told`` minus that of ``other``, persona by persona; ``None`` where they share none.

    Both are simulations with one user, over the same dialogues, with different recommenders.
    """
    task = told.task()
    metric = next(each for each in task.all_metrics() if each.name == ACCEPTANCE)
    values = [metric.values(run.task(), run.samples) for run in (other, told)]
    found = compare_metric(metric, task, values, [sample.user for sample in told.samples])
    return None if found is None else found[0]
