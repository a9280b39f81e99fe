"""Two runs over the same dialogues, compared: each metric's difference, and whether it is more than chance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interplay_bench import registry
from interplay_bench.errors import RunError
from interplay_bench.results import Score
from interplay_bench.run import Run
from interplay_bench.statistics import Comparison, holm
from interplay_bench.task import Paired, Sample

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

    def to_json(self) -> dict[str, Any]:
        """As ``interplay-bench compare --json`` prints it."""
        scores = {"a": self.a.value, "b": self.b.value, "direction": self.a.direction}
        return {**scores, **asdict(self.found), "holm": self.holm, "alone": list(self.alone)}


def compare(a: Run, b: Run) -> dict[str, Difference]:
    """Compare two finished runs by metric, pair by pair.

    Runs that are not comparable are a :class:`~interplay_bench.errors.RunError` that names the difference. Metrics
    that have no paired test, or no value to compare, are left out.
    """
    for run in (a, b):
        if not run.complete:
            raise RunError(f"{run.folder} is incomplete: finish it with --resume, then compare.")
    _refuse("task", *(f"{run.record['task']['name']}, version {run.record['task']['version']}" for run in (a, b)))
    _refuse("data", *(_data(run) for run in (a, b)))
    shared = {name: (score, b.scores[name]) for name, score in a.scores.items() if name in b.scores}
    for name, scores in shared.items():
        _refuse(f"signature of {name}", *(_SIZE.sub("", score.signature) for score in scores))
    samples_a, samples_b = a.samples(), b.samples()
    _aligned(samples_a, samples_b)
    paired_a, paired_b = _paired(a, samples_a), _paired(b, samples_b)
    users = [sample.user for sample in samples_a]
    found = {}
    for name in shared:
        if name in paired_a and name in paired_b:
            result = _compare(paired_a[name], paired_b[name], users)
            if result is not None:
                found[name] = result
    adjusted = holm([comparison.p for comparison, _ in found.values()])
    return {
        name: Difference(*shared[name], comparison, p, alone)
        for (name, (comparison, alone)), p in zip(found.items(), adjusted, strict=True)
    }


def _compare(a: Paired, b: Paired, users: Sequence[str]) -> tuple[Comparison, tuple[int, int]] | None:
    points = sorted(a.values.keys() & b.values.keys())
    if not points:
        return None
    clusters = [users[position] for position, _ in points]
    comparison = a.compare([a.values[point] for point in points], [b.values[point] for point in points], clusters)
    if comparison is None:
        return None
    return comparison, (len(a.values) - len(points), len(b.values) - len(points))


def _paired(run: Run, samples: Sequence[Sample]) -> Mapping[str, Paired]:
    task, request = run.record["task"], run.record["request"]
    return registry.find_task(task["name"]).from_settings(task["options"], request["seed"]).paired(samples)


def _data(run: Run) -> str:
    data = run.record["dataset"]
    return f"{data['name']}/{data['split']} {data['fingerprint']}"


def _refuse(what: str, a: str, b: str) -> None:
    if a != b:
        raise RunError(f"These runs cannot be compared: their {what} differs: {a} and {b}.")


def _aligned(a: Sequence[Sample], b: Sequence[Sample]) -> None:
    """Check that the dialogue at each position is the same; with ``--limit``, one run may have fewer."""
    for position, (x, y) in enumerate(zip(a, b, strict=False)):
        _refuse(f"dialogue at position {position}", f"{x.dialogue} of {x.user}", f"{y.dialogue} of {y.user}")
