"""What there is to recommend in a data set: every item it knows, and how popular each was where models learn.

The items are those of the evaluated split, those of the train split, and what the data set's own catalogue holds
besides. An item's popularity is the number of dialogues of the train split that newly recommend it; the evaluated
dialogues are never counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.items.title_index import TitleIndex


@dataclass(frozen=True)
class ItemCatalog:
    """The items behind a run. ``source``: the evaluated dialogues; ``read_train``: reads the train split.

    The train split is read when something first asks for it. ``read_train`` returns ``None`` where there is none.
    """

    source: DialogueSet
    read_train: Callable[[], DialogueSet | None]

    @cached_property
    def train(self) -> DialogueSet | None:
        """The train split; ``None`` where there is none beside the data, or where it is what is evaluated."""
        if self.source.split == "train":
            return None
        found = self.read_train()
        return None if found is None or found.fingerprint == self.source.fingerprint else found

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every item, once by its id."""
        sets = (self.source,) if self.train is None else (self.source, self.train)
        found: dict[str, Item] = {}
        for item in (*(i for s in sets for i in s.items), *(i for s in sets for i in s.others)):
            found.setdefault(item.id, item)
        return tuple(found.values())

    @cached_property
    def titles(self) -> TitleIndex:
        """The items, found by title; popularity decides between those that share one."""
        return TitleIndex(self.items, self.popularity)

    @cached_property
    def popularity(self) -> Mapping[str, int] | None:
        """How many dialogues of the train split recommend an item, by its id; ``None`` without a train split."""
        if self.train is None:
            return None
        recommended = (
            {item.id for turn in dialogue.turns for item in turn.recommended} for dialogue in self.train.dialogues
        )
        return Counter(item for items in recommended for item in items)

    def percentile(self, item: Item) -> float | None:
        """The share of all items that are less popular than ``item``, ties counting half; in [0, 1]."""
        if self.popularity is None:
            return None
        own = self.popularity.get(item.id, 0)
        return (bisect_left(self._counts, own) + bisect_right(self._counts, own)) / (2 * len(self._counts))

    @cached_property
    def _counts(self) -> list[int]:
        popularity = self.popularity or {}
        return sorted(popularity.get(item.id, 0) for item in self.items)
