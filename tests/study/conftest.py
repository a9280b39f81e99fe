from __future__ import annotations

from collections.abc import Callable

import pytest

from interplay_bench.dialogues.dialogue import Action, Dialogue, Persona, Role, Turn
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.plan import Plan
from interplay_bench.study.planning import Size, new_plan


def dialogue(number: int, words: str, turns: int = 6) -> Dialogue:
    roles = (Role.USER, Role.RECOMMENDER)
    said = tuple(Turn(roles[i % 2], Action.CHAT, f"{words} {number}, turn {i}") for i in range(turns))
    return Dialogue(f"d{number}", f"u{number}", Persona(f"likes things of kind {number}"), None, said)


@pytest.fixture
def planned() -> Callable[..., Plan]:
    def plan(seed: int = 0, words: str = "hello", **size: int) -> Plan:
        there = {"pairs": 6, "annotators": 2, "repeats": 2, "controls": 1, **size}
        sides = [[dialogue(n, word) for n in range(there["pairs"])] for word in (words, "goodbye")]
        return new_plan(("system-one", "system-two"), (sides[0], sides[1]), read_criteria(), Size(**there), seed)

    return plan
