"""What an evaluation is: dialogues in, one sample per dialogue out, scores over all samples.

To add one, subclass :class:`Task` in ``tasks/`` (or your own package or plugin) and name it with
the decorator :func:`task`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.validation import validated
from interplay_bench.evaluation.metric import Metric, metrics_of
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.sample_description import SampleDescription
from interplay_bench.metrics.score import Score
from interplay_bench.plugins.registry import Registry, require_subclass
from interplay_bench.simulators.adapter import Adapter

if TYPE_CHECKING:
    from interplay_bench.items.item_catalog import ItemCatalog
    from interplay_bench.simulators.model_spec import Model


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a task that has none."""


O = TypeVar("O")  # noqa: E741
M = TypeVar("M", bound=Adapter)


class Task(ABC, Generic[O, M]):
    """An evaluation.

    ``role``: which side it evaluates. ``Options``: a frozen dataclass of what ``--set`` may change. ``metrics``: what
    it measures. ``version`` goes up whenever a change of the code changes a score.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    role: ClassVar[Role]
    metrics: ClassVar[Sequence[Metric]]
    Options: ClassVar[type] = NoOptions

    def __init__(self, options: O, seed: int = 0) -> None:
        self.options = options
        self.seed = seed

    @classmethod
    def summary(cls) -> str:
        """One line about this task, from its docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], seed: int = 0) -> Task[O, M]:
        """Build the task from ``--set k=v`` texts or a record's values; an unknown or impossible one is an error."""
        return cls(validated(cls.Options, settings, f"In the options of the task {cls.name}", error=UsageError), seed)

    def prepare(self, catalog: ItemCatalog) -> None:
        """Learn what there is to recommend, before anything is evaluated; most tasks need not know."""

    def check(self, model: M) -> None:
        """Raise a :class:`IncompatibleModelError` for a model that cannot do what the options ask."""

    def resolved(self) -> Mapping[str, object]:
        """What the options came to mean on this machine (which encoder ``auto`` is): a run is resumed only where it
        means the same. JSON values."""
        return {}

    def partner(self) -> str | None:
        """The name of the other model that takes part, where there is one; a run is resumed only with the same one."""
        return None

    def meet(self, partner: Model) -> None:
        """Take the other model, loaded with the run's engine options; it is released at the end of the run."""

    @abstractmethod
    def evaluate(self, model: M, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Put ``model`` through ``dialogues``, all at once; one sample each, in order."""

    @classmethod
    def all_metrics(cls) -> list[Metric]:
        """The task's own metrics, and those that other people added to it."""
        return metrics_of(cls.name, cls.metrics)

    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """Aggregate the samples of a whole run: every metric that the options do not leave out."""
        found = (metric.score(self, samples) for metric in self.all_metrics())
        return [score for score in found if score is not None]

    def draw(self, samples: Sequence[Sample], folder: Path) -> None:
        """Put pictures of a finished run into its directory; most tasks have none."""

    def own_dialogue(self, sample: Sample) -> Dialogue | None:
        """The dialogue that the sample holds, of a task that makes its own; ``None`` where it is the data set's."""
        return None

    def describe(self, sample: Sample, dialogue: Dialogue) -> SampleDescription:
        """What there is to show of a sample, turn by turn of its ``dialogue``; by default, nothing."""
        return SampleDescription()


TASKS: Registry[type[Task[Any, Any]]] = Registry("task", "interplay_bench.tasks", ["interplay_bench.tasks"])
"""Every task by name."""

T = TypeVar("T", bound="type[Task[Any, Any]]")


def task(name: str) -> Callable[[T], T]:
    """Register a task class under ``name``."""

    def register(cls: T) -> T:
        require_subclass(cls, Task, "interplay_bench.Task")
        TASKS.add(name, cls)
        cls.name = name
        return cls

    return register
