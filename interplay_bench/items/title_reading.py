"""A text under scrutiny: its words, and what bounds a title in it.

A title ends at its year, its quotes and its markup, and else where the sentence goes on in other words. It goes on, and
is another title than its beginning, before a further capitalised word, a number, or a subtitle: "The Dark Knight" is
not named by "The Dark Knight Rises". Likewise it begins where no capitalised word leads into it. All is linear in the
text's length.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property

from interplay_bench.items.title_words import ARTICLES, COMMON, Key, Word, words

Span = tuple[int, int]

YEAR = re.compile(
    r"""["”’'»*]?[,.!?]{0,3}["”’'»*]?[)\]]?(?:\s{0,3}\([^()\n]{1,100}\)){0,3}?\s{0,3}\(\s{0,3}(\d{4})\s{0,3}\)"""
)
"""A year in brackets, and what may stand between a title and it: punctuation, alternative titles in brackets."""
_CLOSING = re.compile(r"""\s{0,3}(?:\(\s{0,3}\d{4}\s{0,3}\))?[,.!?]?["”’'»*]""")
_OPENING = frozenset("\"“‘'«*")
_QUOTED = re.compile(r'["“«]([^"“”«»\n]{1,80})["”»]')
_DATED_END = re.compile(r"\(\s{0,3}\d{4}\s{0,3}\)\W*$")
_SENTENCE_END = re.compile(r'[.!?:\n(]|["“]')
_SEQUEL = re.compile(
    r"[,:]?\s{1,3}(?:(?:[Pp]art|[Cc]hapter|[Ee]pisode|[Vv]ol(?:ume)?\.?)\s{1,3})"
    r"(?:\d{1,4}|[IVX]{1,5}|[Oo]ne|[Tt]wo|[Tt]hree|[Ff]our|[Ff]ive)\b"
    r"|\s{1,3}['’]?(?:\d{1,4}|I{2,3}|IV|VI{0,3}|IX|two|three)\b"
    r"(?!\s{1,3}(?:times?|or|stars?|out|hours?|years?|days?|weeks?|months?|nights?|thumbs|of)\b|[/%])"
)
_SPOKEN_OF = re.compile(
    r"\s{0,3}(?:is|was|will|would|made|makes|sounds?|looks?|seems?|has|had|are|were|and|or|with|by|starring)"
    r"(?:n['’]?t)?\b",
    re.IGNORECASE,
)
_SEEN = frozenset("see seen saw watch watched watching movie film about like".split())  # noqa: SIM905
_LIKED = frozenset("enjoy enjoyed liked likes love loved loves recommend suggest try".split())  # noqa: SIM905
_INTRODUCING = frozenset({"and", "is", "mean", "new", "old", "or", "original", "than"})
"""Words after which a capital may open a title."""
_GENRES = frozenset("action classic comedy drama family fantasy horror music mystery romance thriller war".split())  # noqa: SIM905
_KINDS = frozenset("movie movies film films show shows one ones".split())  # noqa: SIM905
_SERIES = frozenset("series franchise trilogy saga".split())  # noqa: SIM905
"""What is made of several items of one name."""
_SMALL = frozenset("of the and a an in on to for with from at by or vs into de la le les du des et y el und".split())  # noqa: SIM905
_LISTING = frozenset({"and", "or", "with", "by", "from", "in", "like"})
"""Words that may stand between two titles."""
_JOINING = frozenset({"of", "vs", "versus", "into"})
"""Words that, before a capital, lead on within one title."""
_LEADING = frozenset(
    """
    about absolutely actually ahh also and as besides both but check consider definitely enjoy enjoyed enjoying
    finally first hmm how i if include including like liked love loved maybe new next no ok or perhaps probably
    recommend recommended rent saw seen similarly since so stream suggest then tried try unlike watch watched
    watching what while with yep yes yup
    """.split()  # noqa: SIM905
)
"""Capitalised words that open a sentence, not a title."""
_OPENING_WORDS = frozenset(
    """
    also and any are but can cant cool could did didnt do does dont ever great hahaha has have havent hello he hey hi
    how i id if ill im is isnt it its ive lol maybe me my nice no not ok okay she so sorry thank thanks that thats then
    there these they this those was wasnt we well what whats who why will would wow yea yeah yes you your youre
    """.split()  # noqa: SIM905
)
"""Words that open the next sentence where no stop ends the one before."""
_MOVED = frozenset("the a an la las le les l un une el los il lo der die das det den".split())  # noqa: SIM905
"""Articles that catalogues write behind a title."""
_ABBREVIATED = frozenset({"dr", "mr", "mrs", "ms", "st", "vs", "jr", "sr", "vol", "no", "pt"})


class Reading:
    """A text, its ``words``, and the places that tell titles from ordinary words."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words(text)
        self.shouting = text.isupper()

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

    def inside_longer_quote(self, start: int, end: int) -> bool:
        """Whether the span is a part of a longer title in quotes."""
        at = bisect_left(self._quotes, (start + 1,)) - 1
        return at >= 0 and end <= self._quotes[at][1] and (start, end) != self._quotes[at]

    def capitalised(self, at: int, stop: int) -> bool:
        """Whether the first word of the run, the last and each one that is long and no preposition are capitalised."""
        if self.shouting:
            return False
        run = self.words[at:stop]
        weighty = [word for word in run if self._weighs(word) or word in (run[0], run[-1])]
        return all(not self.text[word.start].islower() for word in weighty)

    @staticmethod
    def _weighs(word: Word) -> bool:
        return word.end - word.start > 3 and word.form not in _SMALL

    def mid_sentence(self, at: int) -> bool:
        """Whether the word follows another one within its sentence."""
        return at > 0 and not _SENTENCE_END.search(self.text, self.words[at - 1].end, self.words[at].start)

    def beside_a_name(self, at: int, stop: int, free: int, known: Callable[[int], int]) -> bool:
        """Whether a capitalised word, as of a person's name, stands directly before or after the run.

        What ends at ``free``, and what is ``known`` as a title, stands for itself.
        """
        before = at > 0 and self.words[at - 1].end > free and self._is_name(at - 1) and self._gap(at - 1) == " "
        after = stop < len(self.words) and self._is_name(stop) and self._gap(stop - 1) == " "
        return before or (after and self.words[stop].form not in _OPENING_WORDS and not known(stop))

    def is_spoken_of(self, last: int) -> bool:
        """Whether the sentence says something of what ends with the word ``last``, or the text says no more than it."""
        if last + 1 == len(self.words):
            return last == 0 or (last == 1 and self.words[0].form in ARTICLES)
        return _SPOKEN_OF.match(self.text, self.words[last].end) is not None

    def is_watched(self, at: int) -> bool:
        """Whether the capitalised word ``at`` is what is seen, liked or proposed, and no kind of film: "I saw It"."""
        form = self.words[at].form
        if form in ARTICLES | _GENRES or not self._follows(at, _SEEN | _LIKED | _INTRODUCING):
            return False
        doubts = (form in _OPENING_WORDS) + (form in _LEADING)
        named = not doubts or (doubts == 1 and self._follows(at, _SEEN))
        return named and (at + 1 == len(self.words) or self.words[at + 1].form not in _KINDS)

    def is_liked(self, at: int) -> bool:
        """Whether what begins with the word ``at``, however written, is what is seen or liked."""
        return self._follows(at, _SEEN | _LIKED)

    def _follows(self, at: int, words: frozenset[str]) -> bool:
        return at > 0 and self.words[at - 1].form in words and self._gap(at - 1) == " "

    def goes_on(self, last: int, alone: bool, known: Callable[[int], int]) -> bool:
        """Whether the title that ends with the word ``last``, not in a year or quotes, is the start of a longer one.

        ``alone``: it has one word.

        ``known``: how many words the catalogue's title has that begins at a word; such a title stands for itself.
        """
        follows = last + 1
        if _SEQUEL.match(self.text, self.words[last].end):
            return True
        if follows >= len(self.words):
            return False
        gap, form, dated = self._gap(last), self.words[follows].form, self.dated[follows]
        mark = gap.strip()
        if gap in ("-", "/", "'", "’", "*"):
            return self._capital(follows) or bool(dated)
        if gap in (" ", "  "):
            if alone and form in _SERIES:
                return True
            if form in _LISTING and known(follows + 1):
                return False
            if self._capital(follows) and form != "i" and not form.isdigit():
                if known(follows) > 1 or (form in _OPENING_WORDS and not dated):
                    return False
                return form not in COMMON or bool(dated) or self._leads_on(follows)
            return (form in _SMALL and bool(dated)) or (form in _JOINING and self._leads_on(follows))
        if mark == "." and self.words[last].form in _ABBREVIATED:
            return self._capital(follows)
        if mark in ("...", "…", "'", "’"):
            return bool(dated) and not known(follows)
        if mark in (":", "-", "–", "—") and self._capital(follows):
            first = follows + 1 if form in ARTICLES and self._leads_on(follows) else follows
            common = self.words[first].form in COMMON or self.words[first].form == "i"
            return not known(follows) and (bool(dated) or not common)
        small = form in _SMALL - _LISTING and not self._capital(follows)
        return mark == "," and bool(dated) and (small or (alone and not known(follows)))

    def moved_article(self, at: int) -> bool:
        """Whether the word ``at`` is the article of the title before it, as in "Wish, A"."""
        return at > 0 and self.words[at].form in _MOVED and self._gap(at - 1) == ", "

    def whole_run(self, first: int, last: int) -> bool:
        """Whether no capitalised words before the words ``first`` to ``last`` belong to the title that they end."""
        return self._start(last) >= first

    def led_into(self, first: int, free: int) -> bool:
        """Whether a capitalised word, behind ``free``, leads into the word ``first`` as the end of a longer title."""
        before = first - 1
        if before < 0 or self.words[before].end <= free or self.shouting:
            return False
        form, gap = self.words[before].form, self._gap(before)
        if gap == " ":
            if form in ("of", "the"):
                return before > 0 and self._gap(before - 1) == " " and self._is_name(before - 1)
            if not self._capital(before) or self.text[self.words[before].start].isdigit():
                return False
            return form not in _LEADING and (self.mid_sentence(before) or form not in COMMON)
        if gap in ("-", "/"):
            return self._capital(before)
        leads = gap.strip() in (":", "-", "–", "—") and gap != "-"
        return leads and self._capital(before) and self.mid_sentence(before) and form not in COMMON

    def extent(self, first: int, last: int) -> Span:
        """The whole title that begins with the words ``first`` to ``last`` and goes on."""
        if self.dated[last]:
            return self.words[first].start, self.dated[last]
        while last + 1 < len(self.words) and self._linked(last):
            if not self._capital(last + 1) and not (self._small(last + 1) and self._leads_on(last + 1)):
                break
            last += 1
        return self.words[first].start, self.words[last].end

    def shapes(self) -> list[Span]:
        """Where titles stand in a shape of their own: capitalised words before a year in brackets, or in quotes."""
        spans = [(self.words[self._start(at)].start, end) for at, end in self._dated_ends()]
        for match in _QUOTED.finditer(self.text):
            start, end = match.span(1)
            inner = self._between(start, end)
            if not inner or not self.capitalised(inner[0], inner[-1] + 1) or len(inner) > 10:
                continue
            ordinary = len(inner) < 2 and self.words[inner[0]].form in COMMON
            if not ordinary and not _overlaps(spans, start, end):
                spans.append((start, end))
        return sorted(spans)

    @cached_property
    def dated(self) -> list[int]:
        """For each word: where the year in brackets ends that closes the title which the word is in; 0 without one."""
        ends = [0] * (len(self.words) + 1)
        for at in reversed(range(len(self.words))):
            year = YEAR.match(self.text, self.words[at].end)
            if year:
                ends[at] = year.end()
            elif self._linked(at) and (self._capital(at + 1) or self._small(at + 1)):
                ends[at] = ends[at + 1]
        return ends

    @cached_property
    def _quotes(self) -> list[Span]:
        """The titles in quotes of several words, less article and year, in order."""
        spans: list[Span] = []
        for match in _QUOTED.finditer(self.text):
            inner = self._between(*match.span(1))
            if len(inner) > 1 and _DATED_END.search(match.group(1)):
                inner = inner[:-1]
            if len(inner) > 1 and self.words[inner[0]].form in ARTICLES:
                inner = inner[1:]
            if inner and self.capitalised(inner[0], inner[-1] + 1):
                spans.append((self.words[inner[0]].start, self.words[inner[-1]].end))
        return spans

    @cached_property
    def starts(self) -> list[int]:
        """Where each word starts."""
        return [word.start for word in self.words]

    def _between(self, start: int, end: int) -> range:
        return range(bisect_left(self.starts, start), bisect_left(self.starts, end))

    def _dated_ends(self) -> list[tuple[int, int]]:
        """The last word of each title with a year in brackets, and where the bracket closes."""
        found = []
        for at in range(len(self.words)):
            year = self.dated[at] and YEAR.match(self.text, self.words[at].end)
            if year:
                found.append((at, year.end()))
        return [(at, end) for at, end in found if self._capital(self._start(at))]

    def _start(self, last: int) -> int:
        """The first word of the capitalised run that ends with the word ``last``."""
        first = last
        while first and self._linked(first - 1) and (self._capital(first - 1) or self._small(first - 1)):
            comma = self._gap(first - 1).strip() == ","
            if comma and self._capital(first) and self.words[first].form not in _MOVED:
                break
            first -= 1
        while first < last and not self._capital(first):
            first += 1
        while first < last and not self.mid_sentence(first) and self.words[first].form in _LEADING:
            first += 1
        return first

    def _linked(self, at: int) -> bool:
        """Whether a title may go on from the word ``at`` to the next."""
        if at + 1 >= len(self.words):
            return False
        gap = self._gap(at)
        mark = gap.strip()
        if len(gap) > 5 or "\n" in gap:
            return False
        return mark in ("", ",", ":", "-", "–", "—", "/", "'", "’", "·", "...", "…") or (
            mark == "." and (self.words[at].form in _ABBREVIATED or len(self.words[at].form) == 1)
        )

    def _gap(self, at: int) -> str:
        """What stands between the word ``at`` and the next."""
        return self.text[self.words[at].end : self.words[at + 1].start]

    def _capital(self, at: int) -> bool:
        return not self.text[self.words[at].start].islower()

    def _small(self, at: int) -> bool:
        return self.words[at].form in _SMALL

    def _leads_on(self, at: int) -> bool:
        """Whether a capitalised word follows the word ``at`` directly."""
        direct = self._linked(at) and self._gap(at) in (" ", ". ")
        return direct and self._capital(at + 1) and self.words[at + 1].form != "i"

    def _is_name(self, at: int) -> bool:
        word = self.words[at]
        return self.text[word.start].isupper() and word.form not in COMMON


def _overlaps(spans: list[Span], start: int, end: int) -> bool:
    """Whether the span meets one of ``spans``, which are in order and apart."""
    at = bisect_left(spans, (end,)) - 1
    return at >= 0 and spans[at][1] > start
