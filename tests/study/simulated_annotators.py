"""Annotators whose preference is known."""

from __future__ import annotations

import random

from interplay_bench.study.answer import Answer
from interplay_bench.study.plan import Kind, Plan


def simulated_answers(plan: Plan, ratio: float, seed: int, *, spread: float = 0.0, ties: float = 0.1) -> list[Answer]:
    """Answers that prefer A with the chance ``ratio``.

    ``spread``: how far that chance differs by pair and by annotator (drawn evenly, mean zero).
    """
    rng = random.Random(seed)
    of = {key: rng.uniform(-spread, spread) for key in (*plan.pair, *plan.annotator)}
    answers = []
    for each in plan.annotators:
        for page, showing in enumerate(each.showings, 1):
            for criterion in plan.criteria:
                choice = "tie"
                if showing.kind is Kind.CONTROL or rng.random() >= ties:
                    chance = ratio + of[showing.pair] + of[each.name]
                    for_a = showing.kind is Kind.CONTROL or rng.random() < chance
                    choice = "left" if for_a == (showing.left == "a") else "right"
                answers.append(Answer(each.name, page, criterion.key, choice, 1.0))
    return answers
