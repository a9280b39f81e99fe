"""What a recommender's turn names: items that a catalogue knows, and titles that it does not.

Titles in the markup are looked up; a turn without any is searched for the catalogue's. What counts as *title-shaped*
beside the markup: capitalised words before a year in brackets, "Some Film (1999)", a capitalised run in quotes of its
own that is not one ordinary word, and a known title that goes on, as "Blade Runner 2049". A name that the conversation
has already heard is not invented by who repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interplay_bench.dialogues.dialogue import Item, Mention, Turn, View
from interplay_bench.dialogues.markup import Malformed, title_mentions
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_words import key


@dataclass(frozen=True, slots=True)
class Recognition:
    """The items that a turn names, each once and in order, and the titles that the catalogue does not hold."""

    items: tuple[Item, ...] = ()
    unknown: tuple[str, ...] = ()


def recognise(turn: Turn | Malformed, raw: str, view: View, titles: TitleIndex) -> Recognition:
    """What ``turn`` names after the turns of ``view``; a malformed one is read from ``raw``, as far as possible."""
    text, marked = _marked(turn, raw)
    found = [titles.find(mention.item.title, mention.item.year) for mention in marked]
    searched = titles.search(text)
    items = [item for item in found if item] if marked else [mention.item for mention in searched.mentions]
    unknown = [text[m.start : m.end] for m, item in zip(marked, found, strict=True) if item is None]
    for other in searched.unknown:
        if all(other.end <= mention.start or mention.end <= other.start for mention in marked):
            unknown.append(text[other.start : other.end])
    heard = [turn.text.casefold() for turn in view.turns]
    invented = (title for title in unknown if not any(title.casefold() in before for before in heard))
    return Recognition(tuple(dict.fromkeys(items)), tuple(dict.fromkeys(invented)))


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


def _marked(turn: Turn | Malformed, raw: str) -> tuple[str, tuple[Mention, ...]]:
    """The words of a reply, and where titles are marked in them."""
    if isinstance(turn, Turn):
        return turn.text, turn.mentions
    assert isinstance(turn, Malformed)
    text, mentions = title_mentions(raw)
    return (text, mentions) if mentions else (turn.text, ())
