"""A persona where the data has none: what the user says in the first half of the dialogue.

Only what is said before anything is proposed counts, never the target: its title is taken out, however it is written.
The words stand as what the user looks for, so that a simulator of the user has a goal and a recommender is not told it.
"""

from __future__ import annotations

from collections.abc import Sequence

from interplay_bench.datasets.reading import tidy
from interplay_bench.dialogues.dialogue import Item, Persona, Role, Turn
from interplay_bench.items.title_leak import scrub

RECIPE = "persona made of the user's words in the first half, before a proposal (first-half-1)"
"""What a preprocessing report calls such personas; the number changes with the recipe."""
LONGEST = 400
"""How many characters of the user's words are kept at most."""


def first_half_persona(turns: Sequence[Turn], target: Item | None) -> Persona:
    """The persona of a dialogue; empty where the user says nothing before the first proposal."""
    proposed = next((index for index, turn in enumerate(turns) if turn.recommended), len(turns))
    early = turns[: min(proposed, (len(turns) + 1) // 2)]
    said = tidy(" ".join(turn.text for turn in early if turn.role is Role.USER and not turn.scripted))
    if len(said) > LONGEST:
        said = said[:LONGEST].rsplit(" ", 1)[0] + " …"
    return Persona(target_attributes=said if target is None else scrub(target, said))
