"""Judges beside people where dialogues are rated alone: people's mean levels are what judges' levels are correlated
with, as :mod:`interplay_bench.study.validation` does for published scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from interplay_bench.study.answer import Answer
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.evaluators.evaluator import Evaluator
from interplay_bench.study.plan import JUDGE, Kind, Plan
from interplay_bench.study.rated.rated_set import RatedDialogue, RatedItem, RatedSet, mean_scores
from interplay_bench.study.study_report import votes_of
from interplay_bench.study.validation import Agreement, validate

Place = tuple[str, str]
"""A criterion and what it was asked of: ``d1``, or ``d1@4`` for its fourth turn."""


def rating_agreement(plan: Plan, answers: Sequence[Answer]) -> tuple[RatedSet, list[Agreement]]:
    """The dialogues as people rated them, and every judge's correlations with it."""
    people = _levels(plan, [answer for answer in answers if not answer.annotator.startswith(JUDGE)])
    judges = sorted({answer.annotator for answer in answers if answer.annotator.startswith(JUDGE)})
    rated = RatedSet(plan.a, plan.criteria, tuple(_dialogue(plan, pair.id, people) for pair in plan.pairs))
    given = {name: _levels(plan, [answer for answer in answers if answer.annotator == name]) for name in judges}
    return rated, validate(rated, {name: _evaluator(levels) for name, levels in given.items()}, plan.seed)


def _levels(plan: Plan, answers: Sequence[Answer]) -> dict[Place, float]:
    """The mean level of each question."""
    found: dict[Place, list[dict[str, float]]] = defaultdict(list)
    for key, votes in votes_of(plan, answers, Kind.PAIR).items():
        for vote in votes:
            found[key, vote.pair].append({key: float(vote.prefers)})
    return {place: mean_scores(scores)[place[0]] for place, scores in found.items()}


def _dialogue(plan: Plan, name: str, levels: dict[Place, float]) -> RatedDialogue:
    whole: dict[str, float] = {}
    turns: dict[int, dict[str, float]] = defaultdict(dict)
    for (key, place), level in levels.items():
        dialogue, _, turn = place.partition("@")
        if dialogue == name:
            (turns[int(turn) - 1] if turn else whole)[key] = level
    return RatedDialogue(name, plan.a, "", plan.pair[name].a, whole, dict(turns))


def _evaluator(levels: dict[Place, float]) -> Evaluator:
    def rate(criterion: Criterion, items: Sequence[RatedItem]) -> list[float | None]:
        places = (item.dialogue.id + ("" if item.line is None else f"@{item.line + 1}") for item in items)
        return [levels.get((criterion.key, place)) for place in places]

    return rate
