"""``audit attributes``: how often what a persona looks for singles out the target among the whole catalogue.

Attributes are a wish where many items fulfil them, and a riddle where one does. Two ways to solve it are counted:
  - *by fact*: of the target's facts those that the attributes tell, word for word; the items that have them all. By
    facet, by all people together, and by everything;
  - *by words*: the item whose facts share most words with the attributes (BM25) is the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from interplay_bench.dialogues.dialogue import Dialogue, Item
from interplay_bench.items.item_catalog import ItemCatalog

PEOPLE = ("director", "writer", "star", "actor", "artist", "author")
"""The facets that name people."""
EVERYTHING = "everything"
WORDS = "words (BM25)"
Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """Of ``told`` dialogues whose attributes tell something of ``what``, in ``singled_out`` the target alone fits.

    ``fitting``: the median number of items that fit, the target included; ``None`` where items were ranked instead.
    """

    what: str
    told: int
    singled_out: int
    fitting: float | None


def audit_attributes(dialogues: Sequence[Dialogue], catalog: ItemCatalog) -> list[AttributeRow]:
    """Count, over the dialogues that have a target and attributes, in how many these leave no choice."""
    having: dict[Fact, set[str]] = {}
    for item in catalog.items:
        for fact in _facts(item):
            having.setdefault(fact, set()).add(item.id)
    fitting: dict[str, list[int]] = {}
    riddles = [(d.target, d.persona.target_attributes) for d in dialogues if d.target and d.persona.target_attributes]
    for target, text in riddles:
        told = [fact for fact in _facts(target) if f" {fact[1]} " in f" {_plain(text)} "]
        for what in ("people", *dict.fromkeys(facet for facet, _ in told), EVERYTHING):
            those = [having.get(fact, set()) for fact in told if what in _groups(fact[0])]
            if those:
                fitting.setdefault(what, []).append(len(set.intersection(*those) | {target.id}))
    rows = [AttributeRow(what, len(n), n.count(1), median(n)) for what, n in sorted(fitting.items())]
    return [*rows, AttributeRow(WORDS, len(riddles), sum(_first(riddles, catalog.items)), None)]


def _groups(facet: str) -> tuple[str, ...]:
    return (facet, EVERYTHING, "people") if facet in PEOPLE else (facet, EVERYTHING)


def _facts(item: Item) -> list[Fact]:
    return [(facet, said) for facet, values in item.attributes.items() for v in values if len(said := _plain(v)) > 1]


def _plain(text: str) -> str:
    """Lower-case words between single spaces."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())


def _first(riddles: Sequence[tuple[Item, str]], items: Sequence[Item]) -> Iterator[bool]:
    """For each text, whether BM25 puts its target first among ``items``."""
    import bm25s

    def tokens(texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en_plus", return_ids=False, show_progress=False)

    index = bm25s.BM25()
    if not items:
        return
    index.index(tokens([" ".join(value for _, value in _facts(item)) for item in items]), show_progress=False)
    for (target, _), query in zip(riddles, tokens([text for _, text in riddles]), strict=True):
        known = [word for word in query if word in index.vocab_dict]
        yield bool(known) and items[int(index.get_scores(known).argmax())].id == target.id
