"""Attributes as a wish: an item's kinds, its mood and what it is about; never its people, nor what identifies it.

What an item is about is read from its plot by a list of themes (``wishes.toml``), and its mood from its genres. A wish
tells a value only while at least :data:`FEWEST` items of the catalogue have all that is told: it leaves a choice.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files

from interplay_bench.datasets.reading import listing
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.items.title_leak import scrub

FEWEST = 10
"""How many items of the catalogue must fit a wish."""
RECIPE = "attributes made of genres, themes and mood that ten items share (wish-1)"
"""What a preprocessing report calls such attributes; the number changes with the recipe."""
GENRE, THEME, MOOD = "genre", "theme", "mood"
_WORD = re.compile(r"[^\W\d_]+")
_MOST = {GENRE: 3, THEME: 2, MOOD: 1}
"""How many values of a facet a wish tells at most."""


def themes_and_mood(plot: str, genres: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The item's attributes ``theme``, the most spoken of first, and ``mood``; those that are not empty."""
    spoken = Counter(theme for word in _WORD.findall(plot.lower()) if (theme := _theme(word)))
    told = tuple(theme for theme, _ in spoken.most_common())
    kinds = set(genres)
    mood = tuple(mood for mood, those in _table()["moods"].items() if kinds.intersection(those))[:1]
    return {facet: values for facet, values in ((THEME, told), (MOOD, mood)) if values}


class Wishes:
    """Makes wishes that leave a choice among ``catalog``."""

    def __init__(self, catalog: Iterable[Item]) -> None:
        self._having: dict[tuple[str, str], set[str]] = {}
        for item in catalog:
            for value in _values(item):
                self._having.setdefault(value, set()).add(item.id)

    def of(self, item: Item) -> str:
        """The wish that ``item`` fulfils, in a sentence that does not name it; empty where nothing can be told."""
        told: dict[str, list[str]] = {facet: [] for facet in _MOST}
        fitting: set[str] | None = None
        for facet, value in _values(item):
            having = self._having.get((facet, value), set())
            left = having if fitting is None else fitting & having
            enough = len(left) >= FEWEST and len(told[facet]) < _MOST[facet]
            if enough and scrub(item, f"Wants {value}.") == f"Wants {value}.":
                told[facet].append(value)
                fitting = left
        return scrub(item, _sentence(told))


def _values(item: Item) -> Iterable[tuple[str, str]]:
    """What a wish may tell, in the order in which it does: the first genre, a theme, the mood, then the rest."""
    first = [(facet, value) for facet in _MOST for value in item.attributes.get(facet, ())[:1]]
    rest = [(facet, value) for facet in _MOST for value in item.attributes.get(facet, ())[1:]]
    return (*first, *rest)


def _sentence(told: Mapping[str, list[str]]) -> str:
    kind, mood = listing(tuple(told[GENRE])), "".join(told[MOOD])
    if not (kind or mood or told[THEME]):
        return ""
    article = "an" if kind[:1] in "aeiou" and kind else "a"
    about = f" about {listing(tuple(told[THEME]))}" if told[THEME] else ""
    feeling = f" Something {mood}." if mood else ""
    return f"Wants {article} {kind} film{about}.{feeling}".replace("  ", " ")


@lru_cache(maxsize=1 << 16)
def _theme(word: str) -> str | None:
    themes, pattern = _themes()
    match = pattern.fullmatch(word)
    return themes[match.lastindex - 1] if match and match.lastindex else None


@lru_cache(maxsize=1)
def _themes() -> tuple[tuple[str, ...], re.Pattern[str]]:
    """The themes, and a pattern whose groups are their words."""
    table = _table()["themes"]
    return tuple(table), re.compile("|".join(f"({'|'.join(words)})" for words in table.values()))


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files(__package__).joinpath("wishes.toml").read_text("utf-8"))
