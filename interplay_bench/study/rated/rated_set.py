"""Dialogues with people's scores, whole and by turn, and what other evaluators are published to reach on them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from interplay_bench.environment.errors import UsageError
from interplay_bench.plugins.registry import Registry
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.plan import Line


@dataclass(frozen=True, slots=True)
class RatedDialogue:
    """A dialogue of one ``system``, scored: ``scores`` by criterion, ``turns`` by line (from 0) and criterion.

    A score is the mean over a dialogue's annotators. ``part`` names the half of the corpus that figures are published
    for.
    """

    id: str
    system: str
    part: str
    lines: tuple[Line, ...]
    scores: Mapping[str, float]
    turns: Mapping[int, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class RatedItem:
    """One thing that people scored: a dialogue, or (``line``) what was said up to and with one of its turns."""

    dialogue: RatedDialogue
    line: int | None
    score: float

    @property
    def judged(self) -> tuple[str, ...]:
        """The recommender's turns that the score is about: all of them, or the last one up to ``line``."""
        end = None if self.line is None else self.line + 1
        said = tuple(line.text for line in self.dialogue.lines[:end] if line.role == "recommender")
        return said if self.line is None else said[-1:]

    @property
    def before(self) -> tuple[Line, ...]:
        """What was said before the judged turn; nothing where the whole dialogue is judged."""
        if self.line is None:
            return ()
        lines = self.dialogue.lines[: self.line + 1]
        last = max((n for n, line in enumerate(lines) if line.role == "recommender"), default=len(lines))
        return lines[:last]

    @property
    def reaction(self) -> str:
        """The user's last turn; of a judged turn, the user's next one. Empty where there is none."""
        lines = self.dialogue.lines
        if self.line is None:
            return next((line.text for line in reversed(lines) if line.role == "user"), "")
        return next((line.text for line in lines[self.line :] if line.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Published:
    """What a paper says that an evaluator reaches on one part of a corpus."""

    part: str
    evaluator: str
    criterion: str
    spearman: float
    pearson: float


@dataclass(frozen=True, slots=True)
class RatedSet:
    """A corpus of rated dialogues."""

    name: str
    criteria: tuple[Criterion, ...]
    dialogues: tuple[RatedDialogue, ...]
    published: tuple[Published, ...] = ()

    def drawn(self, count: int, seed: int) -> RatedSet:
        """The corpus with ``count`` of its dialogues, drawn by ``seed``; their order stays."""
        if not 1 <= count <= len(self.dialogues):
            raise UsageError(f"{self.name} has {len(self.dialogues)} dialogues: {count} cannot be drawn.")
        chosen = sorted(random.Random(seed).sample(range(len(self.dialogues)), count))
        return replace(self, dialogues=tuple(self.dialogues[n] for n in chosen))

    def items(self, criterion: Criterion) -> list[RatedItem]:
        """Everything that people scored by ``criterion``, dialogue by dialogue."""
        key = criterion.key
        if not criterion.turns:
            return [RatedItem(each, None, each.scores[key]) for each in self.dialogues if key in each.scores]
        return [
            RatedItem(each, line, scores[key])
            for each in self.dialogues
            for line, scores in sorted(each.turns.items())
            if key in scores
        ]


RATED: Registry[Callable[[Path], RatedSet]] = Registry(
    "corpus of rated dialogues", "interplay_bench.rated", ["interplay_bench.study.rated"]
)
"""Readers of rated corpora, by name; each takes the corpus's folder."""


def rated(name: str) -> Callable[[Callable[[Path], RatedSet]], Callable[[Path], RatedSet]]:
    """Register a reader under ``name``."""
    return lambda reader: RATED.add(name, reader)


def mean_scores(given: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Several annotators' scores of one thing, averaged; who left a criterion out does not count in it."""
    keys = dict.fromkeys(key for scores in given for key in scores)
    found = {key: [scores[key] for scores in given if key in scores] for key in keys}
    return {key: sum(values) / len(values) for key, values in found.items()}
