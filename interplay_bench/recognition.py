"""What a recommender's turn names: items that a catalogue knows, and titles that it does not.

Titles in the markup are looked up; a turn without any is searched for the catalogue's. What counts as *title-shaped*
beside the markup: capitalised words before a year in brackets, "Some Film (1999)", and a capitalised run in quotes of
its own that is not one ordinary word. A name that the conversation has already heard is not invented by who repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from interplay_bench.adapter import Reply
from interplay_bench.catalog import COMMON, Catalog, key
from interplay_bench.dialogue import Item, Mention, Turn, View
from interplay_bench.markup import Malformed, title_mentions

_CAPITAL = r"(?:[A-ZÀ-ÖØ-Þ0-9][\w'’.:!&-]*,?)"
_SMALL = r"(?:of|the|and|a|an|in|on|to|for|with|from|at|by|or|de|la)"
_DATED = re.compile(rf"{_CAPITAL}(?:\s+(?:{_CAPITAL}|{_SMALL}|[&-]))*\s*\(\s*\d{{4}}\s*\)")
_QUOTED = re.compile(rf'["“«]({_CAPITAL}(?:\s+(?:{_CAPITAL}|{_SMALL}|[&-])){{0,9}})["”»]')


@dataclass(frozen=True, slots=True)
class Recognition:
    """The items that a turn names, each once and in order, and the titles that the catalogue does not hold."""

    items: tuple[Item, ...] = ()
    unknown: tuple[str, ...] = ()


def recognise(reply: Reply, view: View, catalog: Catalog) -> Recognition:
    """Look up what ``reply`` names after the turns of ``view``. A malformed reply is read as far as it can be."""
    text, marked = _marked(reply)
    found = [catalog.find(mention.item.title, mention.item.year) for mention in marked]
    mentions = catalog.mentions(text)
    items = [item for item in found if item] if marked else [mention.item for mention in mentions]
    unknown = [text[m.start : m.end] for m, item in zip(marked, found, strict=True) if item is None]
    covered = [(mention.start, mention.end) for mention in (*marked, *mentions)]
    for start, end in title_shaped(text):
        free = all(end <= first or last <= start for first, last in covered)
        if free and catalog.find(text[start:end]) is None:
            unknown.append(text[start:end])
    heard = [turn.text.casefold() for turn in view.turns]
    invented = (title for title in unknown if not any(title.casefold() in before for before in heard))
    return Recognition(tuple(dict.fromkeys(items)), tuple(dict.fromkeys(invented)))


def title_shaped(text: str) -> list[tuple[int, int]]:
    """Where ``text`` holds what is written like a title, in order; a year in brackets is part of it."""
    spans = [match.span() for match in _DATED.finditer(text)]
    for match in _QUOTED.finditer(text):
        ordinary = len(form := key(match.group(1))) < 2 and set(form) <= COMMON
        if not ordinary and all(match.end() <= start or end <= match.start() for start, end in spans):
            spans.append(match.span(1))
    return sorted(spans)


def counted(items: Sequence[Item], view: View) -> tuple[Item | None, bool]:
    """The one item that a recommendation is judged by, and whether it is a repetition.

    It is the first item that is news. Where no item is news it is the first named, a repetition; where none is named
    there is none.
    """
    old = named_or_seen(view)
    fresh = next((item for item in items if not any(same(item, other) for other in old)), None)
    if fresh is not None:
        return fresh, False
    return (items[0], True) if items else (None, False)


def named_or_seen(view: View) -> set[Item]:
    """The items that are no news: named in the conversation, by either side, or seen by the user."""
    return {item for turn in view.turns for item in turn.items} | {seen.item for seen in view.persona.history}


def same(one: Item, other: Item) -> bool:
    """Whether two items are one and the same: by id, or by a title that no other year tells apart.

    Catalogues hold doubles, and titles without their year: "Titanic" is "Titanic (1997)".
    """
    if one.id == other.id:
        return True
    alike = one.year == other.year or one.year is None or other.year is None
    return alike and key(one.title) == key(other.title)


def identities(item: Item) -> frozenset[object]:
    """What an item can be told by where many are at hand: its id, and its title with the year."""
    return frozenset({item.id, (key(item.title), item.year)})


def _marked(reply: Reply) -> tuple[str, tuple[Mention, ...]]:
    """The words of a reply, and where titles are marked in them."""
    if isinstance(reply.turn, Turn):
        return reply.turn.text, reply.turn.mentions
    assert isinstance(reply.turn, Malformed)
    text, mentions = title_mentions(reply.raw)
    return (text, mentions) if mentions else (reply.turn.text, ())
