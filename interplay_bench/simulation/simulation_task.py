"""A simulation as a task: its options, its numbers, and what two of them are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.sample_description import SampleDescription
from interplay_bench.evaluation.task import Task
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.metrics.match_score.match_score import choose_scorer
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.dialogue_state import MAX_TURNS
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from interplay_bench.simulation.simulation_metrics import SIMULATION_METRICS
from interplay_bench.simulation.transitions import render_transitions, transitions
from interplay_bench.simulators.adapter import UserSimulator
from interplay_bench.simulators.model_spec import Model

if TYPE_CHECKING:
    from interplay_bench.metrics.match_score.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Options:
    """What ``--set`` may change.

    ``recommender``: the other side, by a model's name or a card's path. ``max_turns``: of a dialogue, both sides'
    and scripted ones together. ``decisions``: also ask for P(accept) after every recommendation. ``match_score``:
    ``auto`` (by the scorer that fits the data, if there is one), ``off``, or a scorer's path.
    """

    recommender: str = "fixed-list"
    max_turns: int = MAX_TURNS
    decisions: bool = False
    match_score: str = "auto"

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise UsageError(f"max_turns must be at least 1, not {self.max_turns}.")


class SimulationTask(Task[Options, UserSimulator]):
    """A simulation as a task: one dialogue per persona of the data set, opened by its scripted turns."""

    name = "interplay"
    role = Role.USER
    metrics = SIMULATION_METRICS
    Options = Options
    catalog: ItemCatalog
    recommender: Model
    _read: tuple[Sequence[Sample], list[Episode]] | None = None

    def prepare(self, catalog: ItemCatalog) -> None:
        """What can be recommended."""
        self.catalog = catalog

    @cached_property
    def scorer(self) -> Scorer | None:
        """What weighs an accepted item against the target; ``None`` where it is off, or where there is none."""
        return choose_scorer(self.options.match_score, self.catalog.source)

    def resolved(self) -> Mapping[str, object]:
        """The scorer that weighs what was accepted."""
        return {"match_score": None if self.scorer is None else self.scorer.identity}

    def partner(self) -> str:
        """The recommender: another checkpoint under the same name makes another run."""
        return self.options.recommender

    def meet(self, partner: Model) -> None:
        """Take the recommender."""
        self.recommender = partner

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Simulate a dialogue for each persona."""
        names = type(model).__name__, self.options.recommender
        pair = Pair.of(model, self.recommender.adapter, self.catalog, names)
        rules = SimulationConfig(self.options.max_turns, len(dialogues), self.options.decisions)
        ended = dict(converse(pair, dict(enumerate(dialogues)), self.catalog.titles, rules))
        return [ended[number].sample() for number in sorted(ended)]

    def episodes(self, samples: Sequence[Sample]) -> list[Episode]:
        """The simulated dialogues that the samples hold, read once for all metrics."""
        if self._read is None or self._read[0] is not samples:
            self._read = samples, [Episode.of(sample) for sample in samples]
        return self._read[1]

    def draw(self, samples: Sequence[Sample], folder: Path) -> None:
        """Write the matrix of actions beside the samples."""
        table = render_transitions(transitions(self.episodes(samples)))
        write_file(folder / "transitions.txt", table + "\n")

    def own_dialogue(self, sample: Sample) -> Dialogue:
        """The simulated dialogue."""
        return Episode.of(sample).dialogue

    def describe(self, sample: Sample, dialogue: Dialogue) -> SampleDescription:
        """What there was to note at each turn, and what was taken in the end."""
        episode = Episode.of(sample)
        turns = {index: note.describe() for index, note in enumerate(episode.notes)}
        agreement = "" if episode.agreement is None else f" (agreement with the target {episode.agreement:.2f})"
        taken = ", ".join(item.name for item in episode.accepted)
        return SampleDescription(turns, f"took {taken}{agreement}" if taken else None)
