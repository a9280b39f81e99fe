"""Linking: which of the graph's entities an item is, and which a turn mentions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from interplay_bench.dialogues.dialogue import Item, Turn
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_words import words
from interplay_bench.unicrs.graph import KnowledgeGraph

HUB = 20
"""A name of one word is only looked for in text if its entity has that many edges, as genres do and most people not."""
LONGEST = 6
"""Words in the longest name that is looked for."""


class Linker:
    """Finds a graph's entities.

    An item is the entity of its name, else of its title as :class:`TitleIndex` compares titles.
    A turn mentions its items, and every other entity whose name stands in its text, the longest match winning.
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._graph = graph
        self._items = {graph.names[number]: number for number in graph.items}
        named = [(graph.names[number], number) for number in graph.items]
        self._catalog = TitleIndex(Item(str(number), *title_and_year(name)) for name, number in named)
        self._others = _phrases(graph)
        self.entity = lru_cache(maxsize=None)(self._entity)

    def item(self, entity: int, domain: str) -> Item:
        """The entity as an item, for a graph whose data set is not at hand."""
        name = self._graph.names[entity]
        return Item(name, *title_and_year(name), domain=domain)

    def entities(self, turn: Turn) -> tuple[int, ...]:
        """The entities that ``turn`` mentions, each once, in order of appearance."""
        found = [(mention.start, self.entity(mention.item)) for mention in turn.mentions]
        spans = [(mention.start, mention.end) for mention in turn.mentions]
        found += [(start, entity) for start, end, entity in self._named(turn.text) if _free(start, end, spans)]
        return tuple(dict.fromkeys(entity for _, entity in sorted(found, key=_place) if entity is not None))

    def _entity(self, item: Item) -> int | None:
        number = self._items.get(item.name)
        if number is None:
            found = self._catalog.find(item.title, item.year)
            number = int(found.id) if found else None
        return number

    def _named(self, text: str) -> list[tuple[int, int, int]]:
        said = words(text)
        found, at = [], 0
        while at < len(said):
            for length in range(min(LONGEST, len(said) - at), 0, -1):
                entity = self._others.get(tuple(word.form for word in said[at : at + length]))
                if entity is not None:
                    found.append((said[at].start, said[at + length - 1].end, entity))
                    at += length
                    break
            else:
                at += 1
        return found


def _phrases(graph: KnowledgeGraph) -> dict[tuple[str, ...], int]:
    """The names of entities that are no items, as words; of two that read the same, the one with more edges."""
    degrees = Counter(end for head, _, tail in graph.edges for end in (head, tail))
    items = set(graph.items)
    phrases: dict[tuple[str, ...], int] = {}
    for number in sorted(range(len(graph.names)), key=lambda entity: degrees[entity]):
        phrase = tuple(word.form for word in words(graph.names[number]))
        long_enough = len(phrase) > 1 or (len(phrase) == 1 and degrees[number] >= HUB)
        if number not in items and long_enough and len(phrase) <= LONGEST:
            phrases[phrase] = number
    return phrases


def _free(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return all(end <= first or last <= start for first, last in spans)


def _place(found: tuple[int, int | None]) -> int:
    return found[0]
