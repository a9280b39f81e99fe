"""Whether a text gives a title away, and how to take it out.

Three kinds, the strongest first:
  - ``exact``: the title with its year, "Heat (1995)";
  - ``title``: the title without the year, by the rules of :mod:`title_index`: words that are as ordinary
    as "it" or "get out" count only when marked as a title, and the same title with another year is a remake, no leak;
  - ``fuzzy``: the title as people write it who do not look it up. Case, hyphens, a possessive's s and letters of other
    scripts that look alike make no difference; "Rocky 4" and "Rocky Four" are "Rocky IV"; a subtitle alone, or another
    part of a title that no other words would be, stands for the whole; and a run of words that is :data:`SIMILARITY`
    percent alike is misspelt ("Shawshank Redemtion"). Numbers must agree: "Toy Story 2" does not give "Toy Story 3"
    away.
Titles of ordinary words alone are never compared so. One pass over the text finds all, in time by its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_reading import YEAR, Reading, Span
from interplay_bench.items.title_words import COMMON, Key, key, names, numbered

SIMILARITY = 90.0
"""From which similarity on (rapidfuzz's normalised insertion-deletion ratio, 0 to 100) a run of words is a leak."""
_ONE_SLIP = 87.0
"""The same for titles of one word, where one wrong letter in eight weighs more."""
_LETTERS_PER_SLIP = 7
"""How many letters of a title of one word allow one slip: a letter wrong, missing, too many, or two swapped."""
_ENDINGS = ("s", "es", "d", "ed", "er", "ers", "ing", "ly", "y", "al", "ish")
"""What makes another word of one, rather than a slip."""
SHORTEST = 7
"""The fewest letters of a title that is compared by similarity."""
_PLAIN_WORD = 4
"""The fewest letters of one word, in whatever case, that gives a title away."""
_SUBTITLE = 6
"""The fewest letters of a subtitle of one word that gives a title away."""
_RARE_WORD = 8
"""The fewest letters of a capitalised word that gives a title of several words away."""
_LOOKALIKES = str.maketrans(
    "АВЕЗКМНОРСТУХІЈЅаеорсухіјѕԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοι",
    "ABE3KMHOPCTYXIJSaeopcyxijsdqwABEZHIKMNOPTYXoi",
)
_NUMBERING = frozenset({"part", "chapter", "episode", "volume", "vol"})
_PART_ENDS = tuple(
    re.compile(ends, re.IGNORECASE)
    for ends in (
        r":\s{1,3}|\s{1,3}[-–—]\s{1,3}",
        r",\s{1,3}(?:and\s{1,3})?|\s{1,3}and\s{1,3}(?:the\s{1,3})?",
        r"\s{1,3}(?:of|in|on|at|from|with|to|for)\s{1,3}(?:the\s{1,3})?",
    )
)
"""Where a title falls into parts: its subtitle, the members of a list, and the words around a preposition."""


class LeakKind(StrEnum):
    """How a title is given away."""

    EXACT = "exact"
    TITLE = "title"
    FUZZY = "fuzzy"


def leak(item: Item, text: str) -> LeakKind | None:
    """The strongest kind of leak of ``item``'s title in ``text``; ``None`` if there is none."""
    text = text.translate(_LOOKALIKES)
    mentions = _only(item).mentions(text)
    year = str(_year(item))
    if any(year in text[m.start : m.end + 7] for m in mentions):
        return LeakKind.EXACT
    if mentions:
        return LeakKind.TITLE
    return LeakKind.FUZZY if any(_written(item, Reading(text), strictly=False)) else None


def scrub(item: Item, text: str, filler: str = "…") -> str:
    """``text`` with ``item``'s title replaced, however it is written: afterwards :func:`leak` finds none.

    Stricter than the audit: any run of words equal to the title goes, whatever follows it, unless the title is one
    ordinary word that is not marked as a title.
    """
    while spans := _spans(item, text.translate(_LOOKALIKES)):
        for start, end in reversed(spans):
            text = text[:start] + filler + text[end:]
    return re.sub(r"(?:%s\s*){2,}" % re.escape(filler), f"{filler} ", text).strip()  # noqa: UP031


def _spans(item: Item, text: str) -> list[Span]:
    """Where the title stands, in order and apart."""
    spans = [(mention.start, mention.end) for mention in _only(item).mentions(text)]
    spans += _written(item, Reading(text), strictly=True)
    apart: list[Span] = []
    for start, end in sorted(spans):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart


@dataclass(frozen=True, slots=True)
class _Spellings:
    """How a title may be written, as words run together: the whole, and what stands for it; ``rare``: if capitalised.

    ``longest``: how many words of a text are looked at together. ``fuzzy``: the titles that may be misspelt.
    """

    whole: frozenset[str]
    parts: frozenset[str]
    rare: frozenset[str]
    fuzzy: tuple[str, ...]
    longest: int


@lru_cache(maxsize=4096)
def _spellings(title: str) -> _Spellings:
    forms = [name.key for name in names(title)]
    whole = {_run_together(form) for form in forms if _distinctive(form)}
    parts, rare = set(), set()
    pieces = [_main(title)]
    for ends in _PART_ENDS:
        pieces = list(dict.fromkeys(part for piece in pieces for part in (piece, *ends.split(piece))))
        parts |= {_run_together(form) for part in pieces if len(form := key(part)) > 1 and _distinctive(form)}
    subtitles = (key(part) for part in _PART_ENDS[0].split(_main(title))[1:])
    parts |= {form[0] for form in subtitles if len(form) == 1 and _distinctive(form) and len(form[0]) >= _SUBTITLE}
    for form in forms:
        rare |= {word for word in form if len(form) > 1 and len(word) >= _RARE_WORD and word not in COMMON}
    fuzzy = tuple(" ".join(form) for form in forms if _distinctive(form) and sum(map(len, form)) >= SHORTEST)
    longest = max((len(form) for form in forms), default=0) + 1
    return _Spellings(
        frozenset(whole - {""}),
        frozenset(part for part in parts - whole if not part.isdigit()),
        frozenset(rare),
        fuzzy,
        longest,
    )


def _main(title: str) -> str:
    """The title without alternative titles in brackets behind it."""
    return title.split(" (", 1)[0]


def _written(item: Item, reading: Reading, *, strictly: bool) -> Iterator[Span]:
    """Where a spelling of the title stands, in order and apart; ``strictly``: before whatever follows."""
    from rapidfuzz import fuzz

    spellings = _spellings(_title(item))
    at, count = 0, len(reading.words)
    plain = [_compared(reading, index) for index in range(count)]
    while at < count:
        for stop in range(min(count, at + spellings.longest), at, -1):
            forms = tuple(plain[at:stop])
            run = _run_together(forms)
            found = run in spellings.whole or run in spellings.parts
            found = found or (stop - at == 1 and run in spellings.rare and _named(reading, at))
            if not found and any(form not in COMMON for form in forms):
                said = " ".join(forms)
                found = any(
                    abs(len(said) - len(title)) <= len(title) // 4
                    and _numerals(forms) == _numerals(tuple(title.split()))
                    and f" {title} " not in f" {said} "
                    and (fuzz.ratio(title, said) >= SIMILARITY if " " in title else _misspelt(title, said))
                    for title in spellings.fuzzy
                )
            if found and (strictly or not _another(item, reading, at, stop)):
                yield reading.words[at].start, reading.words[stop - 1].end
                at = stop - 1
                break
        at += 1


def _another(item: Item, reading: Reading, at: int, stop: int) -> bool:
    """Whether the run is a remake, with another year behind it, or only the start of a longer title."""
    year = YEAR.match(reading.text, reading.words[stop - 1].end)
    if year:
        return _year(item) is not None and abs(int(year.group(1)) - (_year(item) or 0)) > 1
    return reading.goes_on(stop - 1, stop - at == 1, lambda _: 0)


def _distinctive(form: Key) -> bool:
    """Whether words are a title in whatever case: one uncommon word, and several words or a long one."""
    uncommon = [word for word in form if word not in COMMON and not word.isdigit()]
    return bool(uncommon) and (len(form) > 1 or len(form[0]) >= _PLAIN_WORD)


def _misspelt(title: str, said: str) -> bool:
    """Whether one word is another with a slip or two, and no plural or other ending of it."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import OSA

    slips = len(title) // _LETTERS_PER_SLIP
    shorter, longer = sorted((title, said), key=len)
    ending = longer.removeprefix(shorter)
    inflected = ending != longer and (ending in _ENDINGS or len(longer) > len(said))
    if title[0] != said[0] or inflected:
        return False
    return OSA.distance(title, said, score_cutoff=slips) <= slips or fuzz.ratio(title, said) >= _ONE_SLIP


def _named(reading: Reading, at: int) -> bool:
    return reading.text[reading.words[at].start].isupper() and reading.mid_sentence(at)


def _compared(reading: Reading, at: int) -> str:
    """A word as it is compared: without a possessive's s."""
    form = reading.words[at].form
    return form[:-1] if reading.possessive(at) else form


@lru_cache(maxsize=1 << 16)  # a text is searched for many titles, and its runs of words are the same
def _run_together(form: Key) -> str:
    """Words as one, numbers as digits: "Rocky IV" is ``rocky4``, "Part Two" is ``2``."""
    numbers = [_numeral(word, index) for index, word in enumerate(form)]
    kept = (
        number
        for index, number in enumerate(numbers)
        if not (number in _NUMBERING and index + 1 < len(numbers) and numbers[index + 1].isdigit())
    )
    return "".join(kept)


def _numeral(word: str, index: int) -> str:
    """A word's number as digits; behind a title's first word "V" and "X" are numbers too."""
    return {"v": "5", "x": "10"}.get(word, word) if index and len(word) == 1 else numbered(word)


@lru_cache(maxsize=1 << 16)
def _numerals(forms: Key) -> list[str]:
    return [number for index, form in enumerate(forms) if (number := _numeral(form, index)).isdigit()]


@lru_cache(maxsize=4096)
def _only(item: Item) -> TitleIndex:
    return TitleIndex((item,))


def _title(item: Item) -> str:
    return item.title if item.year is not None else title_and_year(item.title)[0]


def _year(item: Item) -> int | None:
    return item.year if item.year is not None else title_and_year(item.title)[1]
