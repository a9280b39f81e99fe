"""What an evaluation is: dialogues in, one sample per dialogue out, scores over all samples.

To add one, subclass :class:`Task` in ``tasks/`` (or your own package or plugin) and name it with
:func:`interplay_bench.registry.task`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from interplay_bench.adapter import Adapter
from interplay_bench.dialogue import Dialogue, Role
from interplay_bench.errors import UsageError, unknown_name
from interplay_bench.results import Score

if TYPE_CHECKING:
    from interplay_bench.statistics import Comparison
    from interplay_bench.stock import Stock


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a task that has none."""


O = TypeVar("O")  # noqa: E741
M = TypeVar("M", bound=Adapter)


@dataclass(frozen=True, slots=True)
class Sample:
    """What happened to one dialogue.

    ``outcome`` is its one place in the ledger. ``counts`` are tallied beside it (decisions by verdict, malformed
    replies). ``detail`` holds what the scores are computed from: JSON values, no times.
    """

    dialogue: str
    user: str
    outcome: str
    counts: Mapping[str, int] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``samples.jsonl``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Paired:
    """What two runs are compared by in one metric.

    ``values``: the metric's value at each point of the run that has one; a point is ``(dialogue's position, place
    within it)``. ``compare``: the test, called with both runs' values at the points they share, and each point's user:
    :func:`~interplay_bench.statistics.compare_rates`, ``compare_means``, ``compare_distinct``, or one like them.
    """

    compare: Callable[[Sequence[Any], Sequence[Any], Sequence[Hashable]], Comparison | None]
    values: Mapping[tuple[int, int], Any]


class Task(ABC, Generic[O, M]):
    """An evaluation.

    ``role``: which side it evaluates. ``Options``: a frozen dataclass of what ``--set`` may change. ``version``
    goes up whenever a change of the code changes a score.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    role: ClassVar[Role]
    metrics: ClassVar[tuple[str, ...]]
    Options: ClassVar[type] = NoOptions

    def __init__(self, options: O, seed: int = 0) -> None:
        self.options = options
        self.seed = seed

    @classmethod
    def summary(cls) -> str:
        """One line about this task, from its docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def from_settings(cls, settings: Mapping[str, str], seed: int = 0) -> Task[O, M]:
        """Build the task from ``--set k=v`` texts; an unknown key or a value out of range is an error."""
        from pydantic import TypeAdapter, ValidationError

        known = [option.name for option in fields(cls.Options)]
        for key in settings:
            if key not in known:
                raise unknown_name(f"option of the task {cls.name}", key, known)
        try:
            return cls(TypeAdapter(cls.Options).validate_python(dict(settings)), seed)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"Option {where}={first['input']!r} of the task {cls.name}: {first['msg']}.") from None

    def prepare(self, stock: Stock) -> None:
        """Learn what there is to recommend, before anything is evaluated; most tasks need not know."""

    def check(self, model: M) -> None:
        """Raise a :class:`~interplay_bench.errors.MisfitError` for a model that cannot do what the options ask."""

    def partners(self) -> Mapping[str, Mapping[str, object]]:
        """The records of other models that take part, by their role; a run goes on only with the same ones."""
        return {}

    @abstractmethod
    def evaluate(self, model: M, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Put ``model`` through ``dialogues``, all at once; one sample each, in order."""

    @abstractmethod
    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """Aggregate the samples of a whole run."""

    def draw(self, samples: Sequence[Sample], folder: Path) -> None:
        """Put pictures of a finished run into its directory; most tasks have none."""

    def paired(self, samples: Sequence[Sample]) -> Mapping[str, Paired]:
        """By metric, what ``interplay-bench compare`` pairs two runs by; a metric left out is not compared."""
        return {}


def tally(samples: Sequence[Sample]) -> dict[str, Any]:
    """The ledger: every dialogue in exactly one outcome, and the sums of all other counts."""
    outcomes = Counter(sample.outcome for sample in samples)
    counts: Counter[str] = Counter()
    for sample in samples:
        counts.update(sample.counts)
    return {
        "dialogues": len(samples),
        "outcomes": dict(sorted(outcomes.items())),
        "counts": dict(sorted(counts.items())),
    }
