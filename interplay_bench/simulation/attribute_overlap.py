"""How much an accepted item has in common with the target that neither side was told.

Jaccard similarity of the two items' attributes (genre, director, cast, trait), in [0, 1]; higher is nearer. An
accepted item that the catalogue does not hold agrees with nothing: 0. Where the target, or an accepted item of the
catalogue, has no attributes there is no value. The number means little without its floor: what an item drawn at random
from the catalogue would score.
"""

from __future__ import annotations

from collections.abc import Sequence

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.items.title_index import TitleIndex

FACETS = ("genre", "director", "cast", "trait")


class AttributeOverlap:
    """Attribute agreement over one catalogue."""

    def __init__(self, titles: TitleIndex) -> None:
        self._attributes = {item: _attributes(item) for item in titles.items}
        self._floors: dict[Item, float | None] = {}

    def of(self, accepted: Sequence[Item], target: Item | None) -> float | None:
        """The mean agreement of the ``accepted`` items with the ``target``; ``None`` where it cannot be told."""
        wanted = self._of(target)
        if not wanted or not accepted:
            return None
        found = [self._attributes.get(item) for item in accepted]
        if any(attributes is not None and not attributes for attributes in found):
            return None
        return sum(_jaccard(attributes or frozenset(), wanted) for attributes in found) / len(found)

    def floor(self, target: Item | None) -> float | None:
        """The mean agreement of every other item of the catalogue with the ``target``."""
        wanted = self._of(target)
        if target is None or not wanted:
            return None
        if target not in self._floors:
            others = [attributes for item, attributes in self._attributes.items() if item != target and attributes]
            self._floors[target] = sum(_jaccard(o, wanted) for o in others) / len(others) if others else None
        return self._floors[target]

    def _of(self, target: Item | None) -> frozenset[tuple[str, str]]:
        return frozenset() if target is None else self._attributes.get(target) or _attributes(target)


def _attributes(item: Item) -> frozenset[tuple[str, str]]:
    return frozenset((facet, value.casefold()) for facet in FACETS for value in item.attributes.get(facet, ()))


def _jaccard(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0
