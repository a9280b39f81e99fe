"""Two runs over the same dialogues, compared: each metric's difference, and whether it is more than chance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interplay_bench.environment.errors import RunError
from interplay_bench.evaluation.damaged_samples import readable
from interplay_bench.evaluation.metric import Metric, Values
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.task import Task
from interplay_bench.metrics.paired_tests import Comparison, holm
from interplay_bench.metrics.score import Score

_SIZE = re.compile(r"\|n:\d+")


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two runs: both scores, B minus A over what they share, and the p value among all metrics.

    ``holm``: the p value after Holm's correction. ``alone``: how many of A's and of B's values have no partner in the
    other run and are left out.
    """

    a: Score
    b: Score
    found: Comparison
    holm: float | None
    alone: tuple[int, int]

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance at the 5% level, all metrics considered."""
        return self.holm is not None and self.holm < 0.05

    def __repr__(self) -> str:
        p = "no test" if self.holm is None else f"p = {self.holm:.4f} (Holm)"
        return f"<{self.a.name} {float(self.a):.4f} -> {float(self.b):.4f}, {self.found.effect:+.4f}, {p}>"

    def to_json(self) -> dict[str, Any]:
        """As ``interplay-bench compare --json`` prints it."""
        scores = {"a": self.a.value, "b": self.b.value, "direction": self.a.direction}
        return {**scores, **asdict(self.found), "holm": self.holm, "alone": list(self.alone)}


def compare(a: Run | Path | str, b: Run | Path | str) -> dict[str, Difference]:
    """Compare two finished runs, or their directories, by metric, pair by pair.

    Runs that are not comparable are a :class:`RunError` that names the difference. Metrics
    that have no paired test, or no value to compare, are left out.
    """
    a, b = (run if isinstance(run, Run) else Run.load(run) for run in (a, b))
    for run in (a, b):
        if not run.complete:
            raise RunError(f"{run.folder} is incomplete: finish it with --resume, then compare.")
    _refuse("task", *(f"{run.record.task.name}, version {run.record.task.version}" for run in (a, b)))
    _refuse("data", *(_data(run) for run in (a, b)))
    shared = {name: (score, b.scores[name]) for name, score in a.scores.items() if name in b.scores}
    for name, scores in shared.items():
        _refuse(f"signature of {name}", *(_SIZE.sub("", score.signature) for score in scores))
    samples_a, samples_b = a.samples, b.samples
    _aligned(samples_a, samples_b)
    users = [sample.user for sample in samples_a]
    tasks = a.task(), b.task()
    found = {}
    for metric in tasks[0].all_metrics():
        if metric.paired and metric.name in shared:
            with readable(a.folder):
                values_a = metric.values(tasks[0], samples_a)
            with readable(b.folder):
                values_b = metric.values(tasks[1], samples_b)
            with readable(b.folder):
                result = compare_metric(metric, tasks[0], [values_a, values_b], users)
            if result is not None:
                found[metric.name] = result
    adjusted = holm([comparison.p for comparison, _ in found.values()])
    return {
        name: Difference(*shared[name], comparison, p, alone)
        for (name, (comparison, alone)), p in zip(found.items(), adjusted, strict=True)
    }


def compare_metric(
    metric: Metric, task: Task[Any, Any], values: Sequence[Values | None], users: Sequence[str]
) -> tuple[Comparison, tuple[int, int]] | None:
    """Compare at the points that both runs have; also says how many values of either have no partner."""
    a, b = (found or {} for found in values)
    points = sorted(a.keys() & b.keys())
    if not points:
        return None
    comparison = metric.compare(
        task, [a[point] for point in points], [b[point] for point in points], [users[i] for i, _ in points]
    )
    return None if comparison is None else (comparison, (len(a) - len(points), len(b) - len(points)))


def _data(run: Run) -> str:
    data = run.record.dataset
    return f"{data.name}/{data.split} {data.fingerprint}"


def _refuse(what: str, a: str, b: str) -> None:
    if a != b:
        raise RunError(f"These runs cannot be compared: their {what} differs: {a} and {b}.")


def _aligned(a: Sequence[Sample], b: Sequence[Sample]) -> None:
    """Check that the dialogue at each position is the same; with ``--limit``, one run may have fewer."""
    for position, (x, y) in enumerate(zip(a, b, strict=False)):
        _refuse(f"dialogue at position {position}", f"{x.dialogue} of {x.user}", f"{y.dialogue} of {y.user}")
