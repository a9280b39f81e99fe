"""A catalogue of items: from a title, or from free text, to the items meant.

How titles are compared (:func:`key`): case, accents, punctuation, apostrophes, double spaces, "&" or "and", dots in
initials, a leading article and a trailing ", The" make no difference.

Which item a title means, where several share it (:meth:`Catalog.find`):
  1. a year picks the item of that year, else the one without a year, else the one a year off (release dates
     differ by country); any other year means an item that the catalogue does not hold;
  2. the one with the same article ("The Ring" is not "Ring");
  3. without a year: the item that has none, else the most popular where that is known, else the newest, else the
     first.

What counts as a title in free text (:meth:`Catalog.mentions`), the longest match winning:
  - anything *marked*: in quotes or asterisks of its own, or followed by its year;
  - several words, if they are capitalised, or distinctive (two uncommon words, or one among three
    or more, the title's article counted);
  - a single word only if capitalised in mid-sentence, uncommon or with its article capitalised too ("The Ring"), and
    no part of a longer name.
A title is not found inside a longer quoted title, nor before a sequel's number or its subtitle and year.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from interplay_bench.dialogue import Item, Mention
from interplay_bench.markup import title_and_year

Key = tuple[str, ...]

ARTICLES = frozenset({"the", "a", "an"})

COMMON = frozenset(
    """
    a about action actor after again all alone also always am american an and another any anything are around as at away
    back bad be beautiful because been before being best better big boy boys brother brothers but by bye can case
    chance child children christmas cinema class classic clean close cold come comedy comic cool could crash crazy
    cute dad dark date daughter dawn day days dead deal dear death did different do dogs doing don done down drama
    dream drive dude dumb each easter easy eight else end enough even ever every everyone exactly face fall family fan
    far fast father feel few film films find fine fire first five flight fly for forever found four free friday
    friend friends from fun funny game games get gift girl girls give go god going good goodbye got great
    greetings grown guess guy guys had half happy has have he heard heat hello help her here hero hey hi high him
    his hit holiday holidays home hope horror hot hour house how human i if in interesting into is it its job joy
    just keep kid kids kind king knife know lady last late less let life like little live long look lost lot love
    luck lucky mad made make man many maybe me mean men mind mine miracle miss mom monday money month more morning
    most mother movie movies much murder music my mystery name near need never new next nice night nine no none
    nope not nothing now of off oh ok okay old on once one only open or other others our out over part party
    people perfect place play please point pretty queen quite real really red ride right ring road rock romance
    room round run safe same saturday saw say scary school second see seen seven sex she shop short should show
    signs sing single sister sisters six sky sleep slow snow so some someone something son song soon sound space
    speed spring star stars start stay step still stop story strange stuff such summer sunday super sure sweet
    take taken talk ten thank thanks that the their them then there these they thing things think this those three
    thriller through thursday time to today together tomorrow tonight too totally town trailer train trouble true
    try tuesday twice two under unknown until up us very village wait walk want war was watch water way we
    wednesday week well went were what when where which while white who whole why wife will winter wish with
    without woman women wonder wonderful work working world would wow yeah year years yes yesterday yet you young
    your
    """.split()  # noqa: SIM905
)
"""Words too ordinary to be taken for a title by themselves."""

_WORD = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\b\.?|[^\W_]+(?:['’‘`´][^\W_]+)*|&")
_TRAILING_ARTICLE = re.compile(r"(.+), (the|an?|la|les?|el|los|il|der|die|das)", re.IGNORECASE | re.DOTALL)
_YEAR_IN_BRACKETS = re.compile(r"""["”’'»*]?,?\s*\(\s*(\d{4})\s*\)""")
_BARE_YEAR = re.compile(r"\s+(?:from\s+)?((?:18|19|20)\d\d)\b")
_MOVED_ARTICLE = re.compile(r", (the|an?)(?=\s*\(\s*\d{4}\s*\))", re.IGNORECASE)
_CLOSING = re.compile(r"""\s*(?:\(\s*\d{4}\s*\))?[,.!?]?["”’'»*]""")
_OPENING = frozenset("\"“‘'«*")
_QUOTED = re.compile(r'["“]([^"“”]{2,80})["”]')
_SEQUEL = re.compile(
    r"\s+(?:(?:part|chapter|episode|vol(?:ume)?\.?)\s+)?(?:\d{1,2}|I{2,3}|IV|VI{0,3}|IX|two|three)\b(?!\s+(?:times|or))"
)
_SUBTITLE = re.compile(r""":\s+[A-Z0-9][^.!?"“”()\n]{0,60}\(\s*\d{4}\s*\)""")
_TAIL = re.compile(r"[^\w\s]+$")


class Word(NamedTuple):
    """A word of a text: its comparable form, and where it stands."""

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Entry:
    item: Item
    article: str
    year: int | None
    popularity: int


@lru_cache(maxsize=64)
def words(text: str) -> tuple[Word, ...]:
    """The words of ``text`` in comparable form. Cached, as a text is often looked at for several titles in a row."""
    return tuple(Word(_fold(match.group()), *match.span()) for match in _WORD.finditer(text))


def key(title: str) -> Key:
    """The comparable form of a title without its year: its words, less a leading article."""
    return _split(title)[1]


def place(item: Item, text: str) -> tuple[int, int] | None:
    """Where ``item``'s title first stands in a ``text`` that is said to name it; ``None`` where it does not.

    Less strict than :meth:`Catalog.mentions`: case and spaces do not matter ("end game" is "Endgame"). One ordinary
    word must still be written as a title, or be capitalised in mid-sentence.
    """
    mention = next(iter(Catalog((item,)).mentions(text)), None)
    if mention is not None:
        return mention.start, mention.end
    form = key(item.title)
    wanted, reading = "".join(form), _Reading(text)
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


class Catalog:
    """Items, found by title; see the module's text for the rules. ``popularity``: of items, by id."""

    def __init__(self, items: Iterable[Item], popularity: Mapping[str, int] | None = None) -> None:
        self.items = tuple(dict.fromkeys(items))
        self._entries: dict[Key, list[_Entry]] = {}
        for item in self.items:
            title, year = (item.title, item.year) if item.year is not None else title_and_year(item.title)
            article, form = _split(title)
            entry = _Entry(item, article, year, (popularity or {}).get(item.id, 0))
            self._entries.setdefault(form, []).append(entry)
        lengths: dict[str, set[int]] = {}
        for form in self._entries:
            if form:
                lengths.setdefault(form[0], set()).add(len(form))
        self._lengths = {first: sorted(counts, reverse=True) for first, counts in lengths.items()}

    def __len__(self) -> int:
        return len(self.items)

    def find(self, title_text: str, year: int | None = None) -> Item | None:
        """The item that a title means, its year given apart or as in ``Heat (1995)``; ``None`` if there is none."""
        title, own_year = title_and_year(title_text)
        article, form = _split(title)
        entry = _choose(self._entries.get(form, ()), article, year if year is not None else own_year)
        return entry.item if entry else None

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The titles of this catalogue in ``text``, in order and without overlap. Linear in the text's length."""
        reading = _Reading(text)
        found: list[Mention] = []
        at, count = 0, len(reading.words)
        while at < count:
            lengths = self._lengths.get(reading.words[at].form) or (reading.possessive(at) and [1])
            match = lengths and self._match(reading, at, lengths, found[-1].end if found else 0)
            if match:
                mention, at = match
                found.append(mention)
            else:
                at += 1
        return tuple(found)

    def _match(self, reading: _Reading, at: int, lengths: list[int], free: int) -> tuple[Mention, int] | None:
        for length in lengths:
            stop = at + length
            if stop > len(reading.words):
                continue
            for form, end in reading.forms(at, stop):
                entries = self._entries.get(form)
                mention = entries and _mention(reading, entries, at, stop, end, free)
                if mention:
                    while stop < len(reading.words) and reading.words[stop].start < mention.end:
                        stop += 1
                    return mention, stop
        return None


class _Reading:
    """A text under scrutiny: its words, and the places that tell titles from ordinary words."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words(text)
        self.shouting = text.isupper()
        self.quotes = self._title_quotes() if '"' in text or "“" in text else []

    def forms(self, at: int, stop: int) -> list[tuple[Key, int]]:
        """The run of words as a key, and once more without a possessive's s; each with where it ends."""
        run = tuple(word.form for word in self.words[at:stop])
        last = self.words[stop - 1]
        forms = [(run, last.end)]
        if self.possessive(stop - 1):
            forms.append(((*run[:-1], last.form[:-1]), last.end - 2))
        return forms

    def possessive(self, at: int) -> bool:
        """Whether the word ends in an apostrophe and an s."""
        word = self.words[at]
        return word.form.endswith("s") and self.text[word.end - 2] in "'’‘`´"

    def quoted(self, start: int, end: int) -> bool:
        """Whether ``text[start:end]``, a year aside, stands in quotes of its own."""
        if start == 0 or self.text[start - 1] not in _OPENING or not _CLOSING.match(self.text, end):
            return False
        return start == 1 or not self.text[start - 2].isalnum()

    def inside_longer_title(self, start: int, end: int) -> bool:
        """Whether the span is a part of a longer quoted title."""
        return any(a <= start and end <= b and (start, end) != (a, b) for a, b in self.quotes)

    def capitalised(self, at: int, stop: int) -> bool:
        """Whether every word of the run that is longer than three letters, the first and the last are capitalised."""
        if self.shouting:
            return False
        run = self.words[at:stop]
        weighty = [word for word in run if word.end - word.start > 3 or word in (run[0], run[-1])]
        return all(not self.text[word.start].islower() for word in weighty)

    def mid_sentence(self, at: int) -> bool:
        """Whether the word follows another one within its sentence."""
        if at == 0:
            return False
        return not re.search(r"[.!?:\n]|[\"“]", self.text[self.words[at - 1].end : self.words[at].start])

    def beside_a_name(self, at: int, stop: int) -> bool:
        """Whether a capitalised word, as of a person's name, stands directly before or after the run."""
        before = at > 0 and self._is_name(at - 1) and self.text[self.words[at - 1].end : self.words[at].start] == " "
        after = stop < len(self.words) and self._is_name(stop)
        gap = self.text[self.words[stop - 1].end : self.words[stop].start] if stop < len(self.words) else ""
        return before or (after and gap == " ")

    def _is_name(self, index: int) -> bool:
        word = self.words[index]
        return self.text[word.start].isupper() and word.form not in COMMON

    def _title_quotes(self) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        for match in _QUOTED.finditer(self.text):
            inner = [
                i for i, word in enumerate(self.words) if match.start(1) <= word.start and word.end <= match.end(1)
            ]
            if len(inner) > 1 and re.search(r"\(\s*\d{4}\s*\)\W*$", match.group(1)):
                inner.pop()
            if len(inner) > 1 and self.words[inner[0]].form in ARTICLES:
                inner.pop(0)
            if inner and self.capitalised(inner[0], inner[-1] + 1):
                spans.append((self.words[inner[0]].start, self.words[inner[-1]].end))
        return spans


def _mention(reading: _Reading, entries: Sequence[_Entry], at: int, stop: int, end: int, free: int) -> Mention | None:
    """The mention of one of ``entries`` by the words ``at`` to ``stop``, if they are meant as a title."""
    text, start = reading.text, reading.words[at].start
    if reading.inside_longer_title(start, end):
        return None
    article = ""
    if at and reading.words[at - 1].form in ARTICLES and reading.words[at - 1].start >= free:
        article = reading.words[at - 1].form
    moved = _MOVED_ARTICLE.match(text, end)
    if moved:
        article, end = moved.group(1).lower(), moved.end()
    bracket = _YEAR_IN_BRACKETS.match(text, end)
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
    if tail and text.startswith(tail.group(), end):
        end += len(tail.group())
    marked = year is not None or reading.quoted(start, end)
    if not marked and (_SEQUEL.match(text, end) or _SUBTITLE.match(text, end) or not _clear(reading, first, at, stop)):
        return None
    if bracket and text[end : bracket.end()].lstrip().startswith("("):
        end = bracket.end()
    return Mention(entry.item, start, end)


def _clear(reading: _Reading, first: int, at: int, stop: int) -> bool:
    """Whether an unmarked run of words is meant as a title."""
    forms = [word.form for word in reading.words[at:stop]]
    uncommon = sum(form not in COMMON and not form.isdigit() and len(form) > 1 for form in forms)
    capitalised = reading.capitalised(at, stop)
    if len(forms) > 1:
        several = len(forms) > 2 or reading.mid_sentence(first)
        return (capitalised and several) or uncommon > 1 or (uncommon == 1 and stop - first > 2)
    with_article = first < at and reading.capitalised(first, stop)
    if not capitalised or not (uncommon or with_article):
        return False
    return reading.mid_sentence(first) and not reading.beside_a_name(first, stop)


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
    left = [entry for entry in left if entry.year is None] or left
    return max(left, key=lambda entry: (entry.popularity, entry.year or 0))


def _split(title: str) -> tuple[str, Key]:
    moved = _TRAILING_ARTICLE.fullmatch(title.strip())
    if moved:
        title = f"{moved.group(2)} {moved.group(1)}"
    forms = tuple(word.form for word in words(title))
    if len(forms) > 1 and forms[0] in ARTICLES:
        return forms[0], forms[1:]
    return "", forms


@lru_cache(maxsize=1 << 16)
def _fold(word: str) -> str:
    if word == "&":
        return "and"
    return "".join(char for char in unicodedata.normalize("NFKD", word.casefold()) if char.isalnum())
