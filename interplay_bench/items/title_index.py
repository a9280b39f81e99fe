"""A catalogue of items: from a title, or from free text, to the items meant.

How titles are compared, and that one item may have several: :mod:`interplay_bench.items.title_words`.

Which item a title means, where several share it (:meth:`TitleIndex.find`):
  1. a year picks the item of that year, else the one without a year, else the one a year off (release dates
     differ by country); any other year means an item that the catalogue does not hold;
  2. the one with the same article ("The Ring" is not "Ring");
  3. without a year: the most popular where that is known, an item that has none before those that next to nobody
     recommends, else the one whose main title it is, else the newest, else the first.

What counts as a title in free text (:meth:`TitleIndex.search`), the longest match winning:
  - anything *marked*: in quotes or asterisks of its own, or followed by its year;
  - several words, if they are capitalised, or distinctive (two uncommon words, or one among three
    or more, the title's article counted);
  - a single word only if capitalised in mid-sentence, uncommon or with its article capitalised too ("The Ring"), and
    no part of a longer name;
  - in lower case what is said to be watched or liked, if it is uncommon and often recommended ("i loved inception").
A title is a whole title: what bounds one is told by :mod:`interplay_bench.items.title_reading`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from interplay_bench.dialogues.dialogue import Item, Mention
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_reading import YEAR, Reading, Span
from interplay_bench.items.title_words import ARTICLES, COMMON, Key, key, loose, names, short_forms

_BARE_YEAR = re.compile(r"\s{1,3}(?:from\s{1,3})?((?:18|19|20)\d\d)\b")
_MOVED_ARTICLE = re.compile(
    r"[!?*.]?, (?:(the|an?)|les?|las?|une?|el|los|il|lo|der|die|das|det|den|l['’])"
    r"(?=(?:\s{0,3}\([^()\n]{1,100}\)){0,3}?\s{0,3}\(\s{0,3}\d{4}\s{0,3}\))",
    re.IGNORECASE,
)
_TITLE_AND_YEAR = re.compile(
    r"""(?P<title>.+?)[,.!?]{0,3}(?P<closing>["”’'»*]?)[,.!?]{0,3}(?:\s{0,3}\(\s{0,3}(?P<year>\d{4})\s{0,3}\))?""",
    re.DOTALL,
)
_TAIL = re.compile(r"[^\w\s]+$")
_CHANCE = 2
"""Up to how many recommendations say nothing of how well an item is known."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item under one of its titles; ``main``: its first one."""

    item: Item
    article: str
    year: int | None
    popularity: int
    main: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a text names: titles of the catalogue, and others, as items whose id is their name.

    Both are in order, and no two mentions overlap.
    """

    mentions: tuple[Mention, ...]
    unknown: tuple[Mention, ...]


def place(item: Item, text: str) -> tuple[int, int] | None:
    """Where ``item``'s title first stands in a ``text`` that is said to name it; ``None`` where it does not.

    Less strict than :meth:`Catalog.mentions`: case and spaces do not matter ("end game" is "Endgame"). One ordinary
    word must still be written as a title, or be capitalised in mid-sentence.
    """
    mention = next(iter(TitleIndex((item,)).mentions(text)), None)
    if mention is not None:
        return mention.start, mention.end
    form = key(item.title)
    wanted, reading = "".join(form), Reading(text)
    ordinary = len(form) < 2 and not set(form) - COMMON
    for first, word in enumerate(reading.words):
        if ordinary and not (reading.capitalised(first, first + 1) and reading.mid_sentence(first)):
            continue
        run = ""
        for last in reading.words[first:]:
            run += last.form
            if run == wanted:
                return word.start, last.end
            if len(run) >= len(wanted):
                break
    return None


class TitleIndex:
    """Items, found by title; see the module's text for the rules. ``popularity``: of items, by id."""

    def __init__(self, items: Iterable[Item], popularity: Mapping[str, int] | None = None) -> None:
        self.items = tuple(dict.fromkeys(items))
        self._entries: dict[Key, list[_Entry]] = {}
        self._short: dict[Key, list[_Entry]] = {}
        for item in self.items:
            title, year = (item.title, item.year) if item.year is not None else title_and_year(item.title)
            for number, (article, form) in enumerate(names(title)):
                entry = _Entry(item, article, year, (popularity or {}).get(item.id, 0), not number)
                self._entries.setdefault(form, []).append(entry)
                for short in () if number else short_forms(title):
                    self._short.setdefault(short, []).append(entry)
        lengths: dict[str, set[int]] = {}
        self._loose: dict[str, list[_Entry]] = {}
        for form, entries in self._entries.items():
            if form:
                lengths.setdefault(form[0], set()).add(len(form))
                self._loose.setdefault(loose(form), []).extend(entries)
        self._lengths = {first: sorted(counts, reverse=True) for first, counts in lengths.items()}

    def __len__(self) -> int:
        return len(self.items)

    def find(self, title_text: str, year: int | None = None) -> Item | None:
        """The item that a title means, its year given apart or as in ``Heat (1995)``; ``None`` if there is none.

        Where no title is written so, where its words end and how its numbers are written makes no difference; nor
        does a subtitle where the year is given and the rest is one item of that year's.
        """
        title, own_year = title_and_year(title_text)
        year = year if year is not None else own_year
        for article, form in names(title):
            for entries in (self._entries.get(form), self._loose.get(loose(form)) if form else None):
                entry = _choose(entries or (), article, year)
                if entry is not None:
                    return entry.item
        return None if year is None else self._by_short_form(title, year)

    def _by_short_form(self, title: str, year: int) -> Item | None:
        """The only item of that very year whose short form this title is, or that is a short form of it.

        What stands before a subtitle does not count as a form of the longer title that is asked for: the catalogue's
        "Kung Fu Panda (2008)" is not "Kung Fu Panda: Secrets of the Furious Five (2008)".
        """
        own = [entry for form in short_forms(title, head=False) for entry in self._entries.get(form, ())]
        entries = [*own, *self._short.get(key(title), ())]
        found = {entry.item for entry in entries if entry.year == year}
        return found.pop() if len(found) == 1 else None

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The titles of this catalogue in ``text``, in order and without overlap. Linear in the text's length."""
        return self.search(text).mentions

    def search(self, text: str) -> Found:
        """The titles of this catalogue in ``text``, and those that stand in a title's shape or go on from a known one.

        Linear in the text's length.
        """
        reading = Reading(text)
        found: list[Mention] = []
        longer: list[Span] = []
        at, count = 0, len(reading.words)
        while at < count:
            match = self._match(reading, at, found[-1].end if found else 0)
            if isinstance(match, Mention):
                found.append(match)
                at = max(at + 1, bisect_left(reading.starts, match.end))
            elif match:
                longer.append(match)
                at = max(at + 1, bisect_left(reading.starts, match[1]))
            else:
                at += 1
        taken = [(mention.start, mention.end) for mention in found]
        shaped = [span for span in reading.shapes() if not _meets(taken, span)]
        rest = shaped + [span for span in longer if not _meets(taken, span) and not _meets(shaped, span)]
        unknown: list[Mention] = []
        for start, end in sorted(rest):
            title, year, end = _title_at(text, start, end)
            known = self.find(title, year)
            if known is None:
                unknown.append(Mention(self._unknown(title, year), start, end))
            elif year is not None or reading.quoted(start, end):
                found.append(Mention(known, start, end))
        return Found(tuple(sorted(found, key=_start)), tuple(unknown))

    def _unknown(self, title: str, year: int | None) -> Item:
        """An item that this catalogue lacks; its id is its name."""
        item = Item("", title, year, self.items[0].domain if self.items else "movie")
        return replace(item, id=item.name)

    def _match(self, reading: Reading, at: int, free: int) -> Mention | Span | None:
        """The longest title that begins at a word; the span of a longer one that only begins like it; or nothing."""
        for length in self._lengths.get(reading.words[at].form) or (reading.possessive(at) and [1]) or ():
            stop = at + length
            if stop > len(reading.words):
                continue
            for form, end in reading.forms(at, stop):
                entries = self._entries.get(form)
                match = self._mention(reading, entries, at, stop, end, free) if entries else None
                if match:
                    return match
        return None

    def _mention(
        self, reading: Reading, entries: Sequence[_Entry], at: int, stop: int, end: int, free: int
    ) -> Mention | Span | None:
        """The mention of one of ``entries`` by the words ``at`` to ``stop``, if they are meant as a title."""
        text, start = reading.text, reading.words[at].start
        if reading.inside_longer_quote(start, end) or (stop - at == 1 and reading.moved_article(at)):
            return None
        article = ""
        if at and reading.words[at - 1].form in ARTICLES and reading.words[at - 1].start >= free:
            article = reading.words[at - 1].form
        moved = _MOVED_ARTICLE.match(text, end)
        if moved and moved.group(1) is None:
            return None
        if moved:
            article, end = moved.group(1).lower(), moved.end()
        bracket = YEAR.match(text, end)
        if bracket and ")" in bracket.group().partition("(")[0] and text[start - 1 : start] != "(":
            return None
        bare = None if bracket else _BARE_YEAR.match(text, end)
        if bare and not any(entry.year == int(bare.group(1)) for entry in entries):
            bare = None
        year = bracket or bare
        entry = _choose(entries, article, int(year.group(1)) if year else None)
        if entry is None:
            return None
        first = at - 1 if article and entry.article == article and not moved else at
        start = reading.words[first].start
        tail = _TAIL.search(entry.item.title)
        punctuated = tail is not None and text.startswith(tail.group(), end)
        if tail and punctuated:
            end += len(tail.group())
        if not reading.quoted(start, end):
            if reading.led_into(first, free):
                return None
            if bracket and entry.year != int(bracket.group(1)) and not reading.whole_run(first, stop - 1):
                return None
            known = partial(self._begins, reading)
            if year is None and not _clear(reading, first, at, stop, free, known):
                often = entry.popularity > _CHANCE and _uncommon(reading, at, stop)
                if not often or not reading.is_liked(first):
                    return None
            if year is None and reading.goes_on(stop - 1, first + 1 == stop, known):
                return reading.extent(first, stop - 1)
        # Behind a title's own punctuation the year stays outside, as it always did: fingerprints depend on it.
        if bracket and not punctuated and text[end : bracket.end()].lstrip().startswith("("):
            end = bracket.end()
        return Mention(entry.item, start, end)

    def _begins(self, reading: Reading, at: int) -> int:
        """The number of words of the title of the catalogue that begins at a word; where a year follows, with it."""
        if at >= len(reading.words):
            return 0
        if reading.dated[at]:
            whole = reading.text[reading.words[at].start : reading.dated[at]]
            return 0 if self.find(whole) is None else max(1, len(names(title_and_year(whole)[0])[0].key))
        article = reading.words[at].form in ARTICLES and at + 1 < len(reading.words)
        at += article
        for length in self._lengths.get(reading.words[at].form, ()):
            if any(form in self._entries for form, _ in reading.forms(at, min(at + length, len(reading.words)))):
                return length + article
        return 0


def _clear(reading: Reading, first: int, at: int, stop: int, free: int, known: Callable[[int], int]) -> bool:
    """Whether an unmarked run of words is meant as a title, by how it is written."""
    uncommon = _uncommon(reading, at, stop)
    capitalised = reading.capitalised(at, stop)
    if stop - at > 1:
        several = stop - at > 2 or reading.mid_sentence(first) or uncommon or reading.is_spoken_of(stop - 1)
        return bool(capitalised and several) or uncommon > 1 or (uncommon == 1 and stop - first > 2)
    if not capitalised:
        return False
    if not uncommon and not (first < at and reading.capitalised(first, stop)):
        return reading.mid_sentence(at) and reading.is_watched(at)
    if reading.beside_a_name(first, stop, free, known):
        return False
    return reading.mid_sentence(first) or reading.is_spoken_of(stop - 1)


def _uncommon(reading: Reading, at: int, stop: int) -> int:
    """The number of words in the run that are no ordinary ones."""
    forms = [word.form for word in reading.words[at:stop]]
    return sum(form not in COMMON and not form.isdigit() and len(form) > 1 for form in forms)


def _choose(entries: Sequence[_Entry], article: str, year: int | None) -> _Entry | None:
    left = list(entries)
    if year is not None:
        left = (
            [entry for entry in left if entry.year == year]
            or [entry for entry in left if entry.year is None]
            or [entry for entry in left if entry.year is not None and abs(entry.year - year) == 1]
        )
    if not left:
        return None
    left = [entry for entry in left if entry.article == article] or left
    if max(entry.popularity for entry in left) <= _CHANCE:
        left = [entry for entry in left if entry.year is None] or left
    return max(left, key=lambda entry: (entry.popularity, entry.main, entry.year or 0))


def _meets(spans: Sequence[Span], span: Span) -> bool:
    """Whether ``span`` overlaps one of ``spans``, which are in order and apart."""
    at = bisect_left(spans, (span[1],)) - 1
    return at >= 0 and spans[at][1] > span[0]


def _title_at(text: str, start: int, end: int) -> tuple[str, int | None, int]:
    """The title and the year in ``text[start:end]``, and where the mention ends: before a quote behind the title."""
    parts = _TITLE_AND_YEAR.fullmatch(text, start, end)
    assert parts is not None
    title, closing, year = parts.group("title", "closing", "year")
    return title, int(year) if year else None, parts.end("title") if closing or not year else end


def _start(mention: Mention) -> int:
    return mention.start
