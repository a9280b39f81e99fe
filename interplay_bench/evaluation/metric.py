"""A metric of a task: one declared object, from which scores, comparisons, lists and tables all derive.

A task names its metrics in ``Task.metrics``. Anyone's own is added to a task by the decorator :func:`metric`, in a
package or a plugin, without a change to the task.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from interplay_bench.evaluation.sample import Sample
from interplay_bench.metrics.aggregation import Aggregation, Mean
from interplay_bench.metrics.paired_tests import Comparison
from interplay_bench.metrics.score import Direction, Score
from interplay_bench.plugins.registry import Registry

Point = tuple[int, int]
"""Where a value belongs: the position of its dialogue in the run, and a place within the dialogue."""
Values = Mapping[Point, Any]


EMPTY = "nothing in these dialogues to measure it on"


def _no_parts(task: Any) -> Mapping[str, object]:
    return {}


def _always(task: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a task.

    ``values``: the metric's value at every point of a run that has one, from the task's options and the samples;
    ``None`` where these leave the metric out. ``aggregation``: how they become a score (or a function of the task that
    says so). ``direction``: which way is better. ``parts``: what the signature says beside the name. ``applies``:
    whether the task, as it was prepared, can score it. ``cluster``: what is resampled as a whole. ``paired``: whether
    a point means the same in two runs, so that they can be compared. ``main``: a table shows it unasked. ``empty``: why
    there may be no value, as a table says it.
    """

    name: str
    summary: str
    aggregation: Aggregation | Callable[[Any], Aggregation]
    values: Callable[[Any, Sequence[Sample]], Values | None]
    direction: Direction | None = None
    parts: Callable[[Any], Mapping[str, object]] = _no_parts
    applies: Callable[[Any], bool] = _always
    cluster: Literal["user", "dialogue"] = "user"
    paired: bool = True
    main: bool = True
    empty: str = EMPTY

    def score(self, task: Any, samples: Sequence[Sample]) -> Score | None:
        """The score of a whole run; ``None`` where it is left out."""
        values = self.values(task, samples) if self.applies(task) else None
        if values is None:
            return None
        owners = [samples[i].user if self.cluster == "user" else i for i, _ in values]
        return self.how(task).score(
            self.name, list(values.values()), owners, direction=self.direction, seed=task.seed, **self.parts(task)
        )

    def how(self, task: Any) -> Aggregation:
        """The aggregation, as the task has it."""
        return self.aggregation(task) if callable(self.aggregation) else self.aggregation

    def compare(self, task: Any, a: Sequence[Any], b: Sequence[Any], users: Sequence[Hashable]) -> Comparison | None:
        """The second run against the first, at the points that they share."""
        return self.how(task).compare(a, b, users)


@dataclass(frozen=True, slots=True)
class AddedMetric:
    """A metric that somebody added to a task."""

    task: str
    metric: Metric
    code: object


METRICS: Registry[AddedMetric] = Registry("metric", "interplay_bench.metrics", [], code=lambda added: added.code)
"""The metrics that were added to tasks, by ``task: name``."""

ValuesOfSamples = Callable[[Sequence[Sample]], Values]


def metric(
    task: str, name: str, aggregation: Aggregation | None = None, *, direction: Direction | None = None
) -> Callable[[ValuesOfSamples], ValuesOfSamples]:
    """Add a metric to the task of that name: the decorated function gives its values, the docstring says what it is.

    ``aggregation``: a mean, where it is not said. The signature holds a digest of the function's source.
    """

    def register(values: ValuesOfSamples) -> ValuesOfSamples:
        digest = hashlib.sha256(inspect.getsource(values).encode()).hexdigest()[:8]
        summary = (values.__doc__ or "").strip().partition("\n")[0]
        made = Metric(
            name, summary, aggregation or Mean(), lambda _, samples: values(samples), direction,
            parts=lambda _: {"code": digest},
        )  # fmt: skip
        METRICS.add(f"{task}: {name}", AddedMetric(task, made, values))
        return values

    return register


def metrics_of(name: str, own: Sequence[Metric]) -> list[Metric]:
    """The metrics of a task: its own, and those that were added to it."""
    return [*own, *(added.metric for added in METRICS.all().values() if added.task == name)]
