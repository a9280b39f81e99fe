"""Counterfactual twins for training: the same history with a distractor in the target's place, to be turned down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from interplay_bench.dialogues.counterfactual import Distractors, swap
from interplay_bench.dialogues.dialogue import Dialogue, Item


@dataclass(frozen=True, slots=True)
class CounterfactualTwins:
    """``items``: those of the training dialogues, never of others. ``count``: how many twins a dialogue has."""

    items: tuple[Item, ...]
    count: int
    seed: int

    @classmethod
    def among(cls, dialogues: Iterable[Dialogue], count: int, seed: int) -> CounterfactualTwins:
        """Twins with the items that ``dialogues`` name."""
        named = (item for dialogue in dialogues for turn in dialogue.turns for item in turn.items)
        return cls(tuple(dict.fromkeys(named)), count, seed)

    def of(self, dialogue: Dialogue) -> Iterator[Dialogue]:
        """The twins of ``dialogue``, whose target is the distractor; none where the target is never proposed."""
        if dialogue.target_turn() is None:
            return
        for number in range(self.count):
            distractors = Distractors(self.items, self.seed + number, "matched" if number % 2 else "random")
            distractor = distractors.draw(dialogue)
            if distractor is not None:
                yield replace(swap(dialogue, distractor), target=distractor, verdicts={})
