"""The same dialogue with another item in the target's place: is an acceptance about the item, or about its position?

A policy that accepts the k-th recommendation scores a high success rate knowing nothing. It accepts a distractor in
the same place just as gladly; a simulator that reads its persona does not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from interplay_bench.dialogues.dialogue import Dialogue, Item, Mention, Turn


@dataclass(frozen=True, slots=True)
class Distractors:
    """A data set's items, to draw distractors from, the same ones for the same ``seed``.

    ``kind``: ``matched`` distractors are of the target's genre and decade: a user who is not told the target may
    rightly take one. ``random`` ones are any items of its domain: a user who listens turns most of them down.
    """

    items: Sequence[Item]
    seed: int = 0
    kind: Literal["matched", "random"] = "matched"

    def draw(self, dialogue: Dialogue) -> Item | None:
        """An item that the dialogue never names and the user has not seen; ``None`` where there is none.

        Where no item of the target's genre is of its decade, a matched one is of its genre alone.
        """
        target = dialogue.target
        if target is None:
            return None
        taken = {item for turn in dialogue.turns for item in turn.items}
        taken |= {seen.item for seen in dialogue.persona.history} | {target}
        pool = sorted(self._alike(target) - taken, key=lambda item: item.id)
        decade = [item for item in pool if item.year and target.year and item.year // 10 == target.year // 10]
        drawn = decade if decade and self.kind == "matched" else pool
        mark = "random|" if self.kind == "random" else ""
        return random.Random(f"{mark}{self.seed}|{dialogue.id}|{target.id}").choice(drawn) if drawn else None

    def _alike(self, target: Item) -> set[Item]:
        """The items that may stand in the target's place."""
        if self.kind == "random":
            return {item for item in self.items if item.domain == target.domain}
        genres = set(target.attributes.get("genre", ()))
        return {item for item in self.items if genres & set(item.attributes.get("genre", ()))}


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
