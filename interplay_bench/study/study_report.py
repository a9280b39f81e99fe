"""What a study's answers say: who wins by which criterion, or how dialogues are rated; and whether the annotators can
be believed. Judges (language models) are left out: :mod:`interplay_bench.study.judge_report` sets them beside people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from interplay_bench.environment.errors import DataError
from interplay_bench.environment.extras import require
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.paired_tests import holm
from interplay_bench.metrics.score import Score
from interplay_bench.study.answer import Answer
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.plan import JUDGE, Kind, Plan
from interplay_bench.study.preference import Preference, Vote, preference

LEVELS = {"b": 0, "tie": 1, "a": 2}


@dataclass(frozen=True, slots=True)
class CriterionReport:
    """One criterion: the preference, its p after Holm over all criteria, and Krippendorff's alpha (nominal)."""

    name: str
    preference: Preference
    holm: float | None
    alpha: float | None

    @property
    def significant(self) -> bool:
        """Whether Holm's p is below 0.05 and the interval, where there is one, leaves 0.5 out.

        The test takes the annotators as they are; the interval also asks whether others would prefer the same.
        """
        low, high = self.preference.low, self.preference.high
        outside = low is None or high is None or not low <= 0.5 <= high
        return self.holm is not None and self.holm < 0.05 and outside


@dataclass(frozen=True, slots=True)
class RatingReport:
    """One scale: the mean level with its interval (dialogues resampled), and Krippendorff's alpha (ordinal)."""

    name: str
    levels: int
    mean: Score
    alpha: float | None


@dataclass(frozen=True, slots=True)
class AnnotatorReport:
    """One annotator: answers given of those asked, ``agreement`` with the other annotators' answers on the same pairs,
    ``consistency`` (the share of repeated questions answered alike), controls failed of those answered, and ``seconds``
    a page, the median, from the last answer of the page before to the page's own.

    A control fails where the scrambled dialogue wins more of the criteria that go by order than the real one.
    """

    name: str
    answered: int
    asked: int
    agreement: float | None
    consistency: float | None
    failed: int
    controls: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class StudyReport:
    """The whole study. ``criteria`` of a study of pairs, ``ratings`` of one of scales; the other is empty.

    ``left``: the share of the left side among answers that decide; ``None`` where dialogues were rated alone.
    """

    a: str
    b: str
    criteria: tuple[CriterionReport, ...]
    ratings: tuple[RatingReport, ...]
    annotators: tuple[AnnotatorReport, ...]
    left: Score | None


def study_report(plan: Plan, answers: Sequence[Answer]) -> StudyReport:
    """Report ``answers``, complete or not; a :class:`DataError` where none is about a pair."""
    answers = [answer for answer in answers if not answer.annotator.startswith(JUDGE)]
    votes = votes_of(plan, answers, Kind.PAIR)
    if not any(votes.values()):
        raise DataError("Nobody has answered yet: there is nothing to report. `study judge` prints what judges say.")
    annotators = tuple(_annotator(plan, name, answers, votes) for name in plan.annotator)
    if plan.rates:
        ratings = tuple(_rating(criterion, votes[criterion.key], plan.seed) for criterion in plan.criteria)
        return StudyReport(plan.a, plan.b, (), ratings, annotators, None)
    found = [preference(votes[c.key], plan.seed) for c in plan.criteria]
    adjusted = holm([each.p for each in found])
    criteria = tuple(
        CriterionReport(c.name, each, p, alpha(votes[c.key]))
        for c, each, p in zip(plan.criteria, found, adjusted, strict=True)
    )
    return StudyReport(plan.a, plan.b, criteria, (), annotators, _left(plan, answers))


def _rating(criterion: Criterion, votes: Sequence[Vote], seed: int) -> RatingReport:
    dialogues = [vote.pair.partition("@")[0] for vote in votes]
    mean = mean_score(criterion.name, [float(vote.prefers) for vote in votes], dialogues, direction="higher", seed=seed)
    levels = {str(level): level for level in range(len(criterion.scale))}
    return RatingReport(criterion.name, len(levels), mean, alpha(votes, levels, "ordinal"))


def alpha(votes: Sequence[Vote], levels: Mapping[str, int] = LEVELS, measurement: str = "nominal") -> float | None:
    """Krippendorff's alpha of ``votes``; ``None`` where no pair has two, or all are the same.

    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of Pennsylvania.
    """
    import numpy as np

    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(levels))
    for vote in votes:
        counts[vote.pair][levels[vote.prefers]] += 1
    table = np.array([row for row in counts.values() if sum(row) > 1])
    if not len(table) or (table.sum(axis=0) > 0).sum() < 2:
        return None
    library = require("krippendorff", "study")
    return float(library.alpha(value_counts=table, level_of_measurement=measurement))


def votes_of(plan: Plan, answers: Iterable[Answer], kind: Kind) -> Mapping[str, list[Vote]]:
    """What the answers on pages of one ``kind`` say, by criterion; a turn's ``pair`` is ``d1@4``."""
    votes: dict[str, list[Vote]] = {criterion.key: [] for criterion in plan.criteria}
    for answer in answers:
        showing = answer.showing(plan)
        if showing.kind is kind:
            key, at, turn = answer.criterion.partition("@")
            votes[key].append(Vote(answer.annotator, f"{showing.pair}{at}{turn}", showing.chosen(answer.choice)))
    return votes


def _annotator(
    plan: Plan, name: str, answers: Sequence[Answer], votes: Mapping[str, Sequence[Vote]]
) -> AnnotatorReport:
    own = [answer for answer in answers if answer.annotator == name]
    first, again = votes_of(plan, own, Kind.PAIR), votes_of(plan, own, Kind.REPEAT)
    alike = [
        vote.prefers == before.prefers
        for key in first
        for vote in again[key]
        for before in first[key]
        if before.pair == vote.pair
    ]
    agreed = [
        vote.prefers == other.prefers
        for key in first
        for vote in first[key]
        for other in votes[key]
        if other.pair == vote.pair and other.annotator != name
    ]
    controls = _controls(plan, own)
    asked = sum(len(plan.questions(showing)) for showing in plan.annotator[name].showings)
    failed = sum(net < 0 for net in controls)
    return AnnotatorReport(
        name, len(own), asked, _share(agreed), _share(alike), failed, len(controls), _seconds_a_page(own)
    )


def _seconds_a_page(own: Iterable[Answer]) -> float | None:
    """The median of what each page took; the first one has no beginning, and a pause makes one page long."""
    finished: dict[int, float] = {}
    for answer in own:
        finished[answer.page] = max(answer.at, finished.get(answer.page, 0.0))
    times = sorted(finished.values())
    return median(after - before for before, after in pairwise(times)) if len(times) > 1 else None


def _controls(plan: Plan, own: Iterable[Answer]) -> list[int]:
    """By control that was answered, on how many more criteria the real dialogue was preferred."""
    ordered = {criterion.key for criterion in plan.criteria if criterion.ordered}
    net: dict[str, int] = {}
    for key, votes in votes_of(plan, own, Kind.CONTROL).items():
        for vote in votes if key in ordered else ():
            net[vote.pair] = net.get(vote.pair, 0) + LEVELS[vote.prefers] - 1
    return list(net.values())


def _left(plan: Plan, answers: Iterable[Answer]) -> Score:
    decided = [a for a in answers if a.choice != "tie" and a.showing(plan).kind is not Kind.CONTROL]
    values = [float(answer.choice == "left") for answer in decided]
    return mean_score("left", values, [answer.annotator for answer in decided], direction=None)


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
