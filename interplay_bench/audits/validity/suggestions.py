"""What was suggested to people who then said whether they liked it, and what they were known to want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interplay_bench.dialogues.dialogue import Dialogue, Item
from interplay_bench.environment.errors import DataError


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An item that a recommender proposed. ``likes``: what the seeker had named and liked; ``liked``: this one, too.

    The target is left out: it is liked by construction, and nearest to itself.
    """

    dialogue: str
    item: Item
    liked: bool
    target: Item | None
    likes: tuple[Item, ...]


def suggestions(dialogues: Sequence[Dialogue]) -> list[Suggestion]:
    """Every proposed item but the target that people liked or took, or did not; with neither, a :class:`DataError`."""
    found = [suggestion for dialogue in dialogues for suggestion in _of(dialogue)]
    if len({suggestion.liked for suggestion in found}) < 2:
        raise DataError(
            "These dialogues do not tell both what people liked and what they did not: there is nothing to hold a "
            "metric against. ReDial, SGD and CPCD tell it; CRSArena tells whom people prefer."
        )
    return found


def _of(dialogue: Dialogue) -> list[Suggestion]:
    likes = tuple(seen.item for seen in dialogue.persona.history)
    return [
        Suggestion(dialogue.id, item, opinion, dialogue.target, likes)
        for index in dialogue.proposals()
        for item in dialogue.turns[index].recommended
        if item != dialogue.target
        and (opinion := dialogue.liked.get(item.id, dialogue.verdicts.get(index))) is not None
    ]
