"""The same dialogue with another item in the target's place: is an acceptance about the item, or about its position?

A policy that accepts the k-th recommendation scores a high success rate knowing nothing. It accepts a distractor in
the same place just as gladly; a simulator that reads its persona does not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from interplay_bench.dialogue import Dialogue, Item, Mention, Turn


@dataclass(frozen=True, slots=True)
class Distractors:
    """A data set's items, to draw distractors from, the same ones for the same ``seed``."""

    items: Sequence[Item]
    seed: int = 0

    def draw(self, dialogue: Dialogue) -> Item | None:
        """An item that the dialogue never names and the user has not seen, of the target's genre and decade.

        Where there is none, one of its genre alone; ``None`` where there is none of that either, or no genre known.
        """
        target = dialogue.target
        if target is None:
            return None
        taken = {item for turn in dialogue.turns for item in turn.items}
        taken |= {seen.item for seen in dialogue.persona.history} | {target}
        genres = set(target.attributes.get("genre", ()))
        alike = [item for item in self.items if genres & set(item.attributes.get("genre", ())) and item not in taken]
        same = [item for item in alike if item.year and target.year and item.year // 10 == target.year // 10]
        pool = sorted(same or alike, key=lambda item: item.id)
        return random.Random(f"{self.seed}|{dialogue.id}|{target.id}").choice(pool) if pool else None


def swap(dialogue: Dialogue, distractor: Item) -> Dialogue:
    """The dialogue with ``distractor`` named and recommended wherever the target was; the target itself stays."""
    if dialogue.target is None:
        raise ValueError("a dialogue without a target has nothing to swap")
    return replace(dialogue, turns=tuple(_swap(turn, dialogue.target, distractor) for turn in dialogue.turns))


def _swap(turn: Turn, target: Item, distractor: Item) -> Turn:
    """Rename each mention, with the year only where it had one, and move the other mentions along."""
    text, mentions, at = "", [], 0
    for mention in turn.mentions:
        text += turn.text[at : mention.start]
        surface, item = turn.text[mention.start : mention.end], mention.item
        if item == target:
            item, surface = distractor, distractor.name if str(target.year) in surface else distractor.title
        mentions.append(Mention(item, len(text), len(text) + len(surface)))
        text += surface
        at = mention.end
    recommended = tuple(distractor if item == target else item for item in turn.recommended)
    return replace(turn, text=text + turn.text[at:], mentions=tuple(mentions), recommended=recommended)
