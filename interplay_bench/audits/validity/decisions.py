"""The points at which people took, or liked, what was proposed, or did not; and what a run decided there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from interplay_bench.dialogues.dialogue import Dialogue, Item
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.run import Run, runs_in
from interplay_bench.reports.run_tables import model_name
from interplay_bench.simulators.adapter import Verdict

TASK = "user_multiturn"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a person thought of what turn ``turn`` proposes, the ``place``-th proposal of its dialogue, from 1."""

    dialogue: str
    turn: int
    place: int
    items: tuple[Item, ...]
    likes: tuple[Item, ...]
    is_target: bool
    liked: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A run's decision on it: the probability of acceptance, where it is known, and whether it accepts."""

    opinion: Opinion
    probability: float | None
    accepts: bool


@dataclass(frozen=True, slots=True)
class DecidedRun:
    """A run beside people."""

    name: str
    run: Run
    decisions: tuple[Decided, ...]


def opinions(dialogues: Sequence[Dialogue]) -> list[Opinion]:
    """Of the dialogues that propose their target, which are those that are replayed."""
    return [each for dialogue in dialogues if dialogue.target_turn() is not None for each in _of(dialogue)]


def _of(dialogue: Dialogue) -> Iterator[Opinion]:
    likes = tuple(seen.item for seen in dialogue.persona.history)
    for place, index in enumerate(dialogue.proposals(), start=1):
        liked = dialogue.opinion(index)
        if liked is not None:
            items, is_target = dialogue.turns[index].recommended, index == dialogue.target_turn()
            yield Opinion(dialogue.id, index, place, items, likes, is_target, liked)


def decided_runs(folders: Sequence[Path], data: DialogueSet, found: Sequence[Opinion]) -> list[DecidedRun]:
    """What runs decided; a run of another task or over other data is a :class:`UsageError`."""
    points = {(each.dialogue, each.turn): each for each in found}
    return [_decided(run, data, points) for folder in folders for run in runs_in(folder)]


def _decided(run: Run, data: DialogueSet, points: dict[tuple[str, int], Opinion]) -> DecidedRun:
    record = run.record
    if record.task.name != TASK:
        raise UsageError(f"{run.folder} is a run of {record.task.name}: --runs takes those of {TASK}.")
    if (record.dataset.name, record.dataset.split) != (data.name, data.split):
        raise UsageError(
            f"{run.folder} is over {record.dataset.name}/{record.dataset.split}, and the labels are of "
            f"{data.name}/{data.split}: name the run's data."
        )
    decisions = tuple(
        Decided(point, decision["probability"], decision["verdict"] == Verdict.ACCEPT)
        for sample in run.samples
        for decision in sample.detail.get("decisions", ())
        if (point := points.get((sample.dialogue, decision["turn"]))) is not None
    )
    if not decisions:
        raise UsageError(f"{run.folder} decides nothing that people have an opinion of: was it over other data?")
    return DecidedRun(model_name(run), run, decisions)
