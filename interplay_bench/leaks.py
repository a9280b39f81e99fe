"""Whether a text gives a title away, and how to take it out.

Three kinds, the strongest first:
  - ``exact``: the title with its year, "Heat (1995)";
  - ``title``: the title without the year, by the rules of :mod:`interplay_bench.catalog`: words that are as ordinary
    as "it" or "get out" count only when marked as a title, and the same title with another year is a remake, no leak;
  - ``fuzzy``: a run of whole words that is :data:`SIMILARITY` percent alike ("Shawshank Redemtion"). Only titles of
    two words and :data:`SHORTEST` letters or more are compared so, and their numbers must agree: "Toy Story 2" does
    not give "Toy Story 3" away.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from interplay_bench.catalog import COMMON, Catalog, key, words
from interplay_bench.dialogue import Item
from interplay_bench.markup import title_and_year

SIMILARITY = 90.0
"""From which similarity on (rapidfuzz's normalised insertion-deletion ratio, 0 to 100) a run of words is a leak."""
SHORTEST = 8
"""The fewest letters of a title that is compared by similarity."""

Span = tuple[int, int]


class LeakKind(StrEnum):
    """How a title is given away."""

    EXACT = "exact"
    TITLE = "title"
    FUZZY = "fuzzy"


def leak(item: Item, text: str) -> LeakKind | None:
    """The strongest kind of leak of ``item``'s title in ``text``; ``None`` if there is none."""
    mentions = _only(item).mentions(text)
    year = str(_year(item))
    if any(year in text[m.start : m.end + 7] for m in mentions):
        return LeakKind.EXACT
    if mentions:
        return LeakKind.TITLE
    return LeakKind.FUZZY if _similar(item, text) else None


def scrub(item: Item, text: str, filler: str = "…") -> str:
    """``text`` with ``item``'s title replaced, however it is written: afterwards :func:`leak` finds none.

    Stricter than the audit: any run of words equal to the title goes, in any case, unless the title is one ordinary
    word that is not marked as a title.
    """
    for _ in range(len(text)):
        mention = next(iter(_only(item).mentions(text)), None)
        span = (mention.start, mention.end) if mention else _run(item, text) or _similar(item, text)
        if span is None:
            break
        text = text[: span[0]] + filler + text[span[1] :]
    return re.sub(r"(?:%s\s*){2,}" % re.escape(filler), f"{filler} ", text).strip()  # noqa: UP031


def _run(item: Item, text: str) -> Span | None:
    """Where the title's words stand in ``text``, in any case."""
    form = key(_title(item))
    if not form or (len(form) == 1 and (form[0] in COMMON or len(form[0]) < 3)):
        return None
    found = words(text)
    for at in range(len(found) - len(form) + 1):
        if len(form) > 1 and found[at].form != form[0]:
            continue
        run = found[at : at + len(form)]
        last = run[-1].form
        if (*(word.form for word in run[:-1]), last) == form or (
            len(last) == len(form[-1]) + 1 and (*(word.form for word in run[:-1]), last.removesuffix("s")) == form
        ):
            return run[0].start, run[-1].end
    return None


def _similar(item: Item, text: str) -> Span | None:
    """The run of whole words that is nearest to the title, if it is near enough.

    A run that is equal to the title is left to the stricter rules, which know remakes from the title itself, and one
    of ordinary words alone ("a dark night", for "The Dark Knight") is no title.
    """
    form = key(_title(item))
    title = " ".join(form)
    if len(form) < 2 or len(title) < SHORTEST or not any(word not in COMMON for word in form):
        return None
    from rapidfuzz import fuzz

    found = words(text)
    plain = " ".join(word.form for word in found)
    best = fuzz.partial_ratio_alignment(title, plain, score_cutoff=SIMILARITY - 10)
    if best is None or len(plain) < len(title) - 2:
        return None
    first, last = plain.count(" ", 0, best.dest_start), plain.count(" ", 0, best.dest_end)
    candidates = [
        (first + left, last + right + 1)
        for left in (-1, 0, 1)
        for right in (-1, 0, 1)
        if 0 <= first + left <= last + right
    ]
    for start, stop in sorted(candidates, key=lambda span: span[1] - span[0]):
        run = found[start:stop]
        forms = tuple(word.form for word in run)
        if f" {title} " in f" {' '.join(forms)} " or _numbers(forms) != _numbers(form) or not set(forms) - COMMON:
            continue
        if fuzz.ratio(title, " ".join(forms)) >= SIMILARITY:
            return run[0].start, run[-1].end
    return None


def _numbers(forms: tuple[str, ...]) -> list[str]:
    return [form for form in forms if form.isdigit() or form in {"ii", "iii", "iv", "v", "vi"}]


@lru_cache(maxsize=4096)
def _only(item: Item) -> Catalog:
    return Catalog((item,))


def _title(item: Item) -> str:
    return item.title if item.year is not None else title_and_year(item.title)[0]


def _year(item: Item) -> int | None:
    return item.year if item.year is not None else title_and_year(item.title)[1]
