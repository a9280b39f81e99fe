"""How the titles of a catalogue are written in the markup, and what each spelling names."""

from __future__ import annotations

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import neutral, title_mentions, title_tokens
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_words import spellings


def written_titles(titles: TitleIndex) -> dict[str, str]:
    """Every spelling of the catalogue's titles, with the id of the item that is found by it.

    An item's titles (:func:`~interplay_bench.items.title_words.names`) are each written with its year, where it has
    one, and without. A spelling that several items share names the one that :meth:`TitleIndex.find` chooses.
    """
    written = (neutral(text) for item in titles.items for text in _texts(item))
    found = ((text, _read(text, titles)) for text in dict.fromkeys(written))
    return {text: item.id for text, item in found if item is not None}


def _texts(item: Item) -> list[str]:
    own = spellings(item.title)
    return [item.name, *(own if item.year is None else (f"{title} ({item.year})" for title in own)), *own]


def _read(text: str, titles: TitleIndex) -> Item | None:
    """The item that a reader of the markup finds between its tokens; ``None`` where that is not just the text."""
    opening, closing = title_tokens("item")
    _, mentions = title_mentions(f"{opening}{text}{closing}")
    if [mention.end - mention.start for mention in mentions] != [len(text)]:
        return None
    named = mentions[0].item
    return titles.find(named.title, named.year)
