"""Live interplay: the user simulator meets a recommender, neither knowing the target (paper, sections 3.6 and 5.3)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench import model as models
from interplay_bench.adapter import UserSimulator
from interplay_bench.dialogue import Dialogue, Role
from interplay_bench.errors import UsageError
from interplay_bench.interplay.episode import End, Episode
from interplay_bench.interplay.lockstep import Rules, converse
from interplay_bench.interplay.pair import Pair
from interplay_bench.interplay.scores import NAMES, scores
from interplay_bench.interplay.simulation import MAX_TURNS
from interplay_bench.interplay.transitions import render_transitions, transitions
from interplay_bench.metrics.match_score import choose_scorer
from interplay_bench.metrics.specificity import unique_ngrams
from interplay_bench.registry import task
from interplay_bench.results import Score
from interplay_bench.statistics import Comparison, compare_distinct, compare_means, compare_rates
from interplay_bench.stock import Stock
from interplay_bench.task import Paired, Sample, Task

if TYPE_CHECKING:
    from interplay_bench.match_score.scorer import Scorer

Point = tuple[int, int]
"""What is compared: a dialogue's place, and a turn's number in it or 0."""


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


@task("interplay")
class Interplay(Task[Options, UserSimulator]):
    """Let a user and a recommender talk: acceptance, turns, repetitions, agreement with the unseen target, diversity.

    One dialogue per persona of the data set, opened by its scripted turns. ``interplay-bench simulate`` does the same
    with batches that stay full and writes a corpus.
    """

    role = Role.USER
    metrics = NAMES
    Options = Options
    stock: Stock

    def prepare(self, stock: Stock) -> None:
        """What can be recommended."""
        self.stock = stock

    @cached_property
    def recommender(self) -> models.Model:
        """The other side."""
        return models.find(self.options.recommender).build(self.seed)

    @cached_property
    def scorer(self) -> Scorer | None:
        """What weighs an accepted item against the target; ``None`` where it is off, or where there is none."""
        return choose_scorer(self.options.match_score, self.stock.source.name)

    def partners(self) -> Mapping[str, Mapping[str, object]]:
        """The recommender: another checkpoint under the same name makes another run."""
        return {"recommender": self.recommender.record()}

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Simulate a dialogue for each persona."""
        names = type(model).__name__, self.options.recommender
        pair = Pair.of(model, self.recommender.adapter, self.stock, names)
        rules = Rules(self.options.max_turns, len(dialogues), self.options.decisions)
        ended = dict(converse(pair, dict(enumerate(dialogues)), self.stock.catalog, rules))
        return [ended[number].sample() for number in sorted(ended)]

    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """See :func:`interplay_bench.interplay.scores.scores`."""
        parts = {"recommender": self.options.recommender, "turns": self.options.max_turns, "v": self.version}
        return scores(_episodes(samples), parts, self.seed, self.scorer)

    def draw(self, samples: Sequence[Sample], folder: Path) -> None:
        """Write the matrix of actions beside the samples."""
        table = render_transitions(transitions(_episodes(samples)))
        (folder / "transitions.txt").write_text(table + "\n", encoding="utf-8")

    def paired(self, samples: Sequence[Sample]) -> Mapping[str, Paired]:
        """By persona: what was taken, how soon, how much was recommended; by turn, of those both spoke, the words."""
        heard = {(i, 0): e for i, e in enumerate(_episodes(samples)) if e.end is not End.BACKEND_ERROR}
        taken = {point: episode for point, episode in heard.items() if episode.end is End.ACCEPTED}
        news = {point: sum(len(turn.recommended) for turn, _ in e.spoken) for point, e in heard.items()}
        unique = {point: unique_ngrams(e.said(Role.USER), 2) for point, e in heard.items()}
        agreed = {point: e.agreement for point, e in taken.items() if e.agreement is not None}
        return {
            "acceptance": Paired(compare_rates, {point: e.end is End.ACCEPTED for point, e in heard.items()}),
            "turns to acceptance": Paired(compare_means, {point: len(e.spoken) for point, e in taken.items()}),
            "cut off": Paired(compare_rates, {point: e.end is End.CUT_OFF for point, e in heard.items()}),
            "recommendations": Paired(compare_means, news),
            "agreement": Paired(compare_means, agreed),
            **{f"{role} Dist-4": Paired(_compare_dist_4, _said(heard, role)) for role in Role},
            "specificity-2": Paired(compare_means, unique),
        }


def _said(heard: Mapping[Point, Episode], role: Role) -> dict[Point, str]:
    """Each turn of one side by its dialogue and its number, so that two runs are compared over equally many."""
    return {(i, n): text for (i, _), episode in heard.items() for n, text in enumerate(episode.said(role))}


def _compare_dist_4(a: Sequence[str], b: Sequence[str], users: Sequence[Hashable]) -> Comparison | None:
    return compare_distinct(a, b, 4, users)


def _episodes(samples: Sequence[Sample]) -> list[Episode]:
    return [Episode.of(sample) for sample in samples]
