"""Titles as words: how they are compared.

Case, accents however encoded, punctuation, apostrophes, double spaces, "&" or "and", dots in initials, a leading
article and a trailing ", The" make no difference. A title may hold several: what stands in brackets at its end, as in
"Seven (a.k.a. Se7en)" or "City of Lost Children, The (Cité des enfants perdus, La)", is another title of the same item.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from interplay_bench.dialogues.unicode_text import marks

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

_LETTER = r"[^\W\d_]"
_PATTERN = rf"(?:{_LETTER}\.)+{_LETTER}\b\.?|{_LETTER}(?:\*{_LETTER})+\b|CHAR(?:['’‘`´]CHAR)*|&"
_WORD = re.compile(_PATTERN.replace("CHAR", r"[^\W_]+"))
_TRAILING_ARTICLE = re.compile(
    r"(.+), (the|an?|las?|les?|l['’]?|une?|el|los|il|lo|der|die|das|det|den)", re.IGNORECASE | re.DOTALL
)
_ELIDED = ("l", "l'", "l’")
_ALSO_KNOWN = re.compile(r"\s*(?:a\.?\s?k\.?\s?a\.?|also known as|or)\s*:?\s+", re.IGNORECASE)
_SUBTITLE = re.compile(r":\s{1,3}|\s{1,3}[-–—]\s{1,3}|\s{1,3}or:?\s{1,3}(?=How\b)")
_OWNER = re.compile(r"(?:(?!(?:The|An?)\b)[A-Z][\w.]*\s+(?:(?:and|&)\s+)?){1,3}[A-Z]\w*(?:['’]s|s['’])\s+(?P<title>.+)")
"""Whose film it is: "Lee Daniels' The Butler". One word may be of the title itself: "Schindler's List"."""
_NO_TITLE = re.compile(
    r"(?:\d{4}\W*(?:\d{2,4})?|(?:part|vol(?:ume)?|no|season)\b.*|[ivx\d]+"
    r"|(?:the )?(?:film|movie|tv|video|short|uncut|book|novel|series|album|single|live|remastered)\b.*)",
    re.IGNORECASE,
)
"""What stands in brackets behind a title and is no title."""
_DROPPED_MARK = 10
"""From which combining class on a mark is an accent, without which people write; below, it makes another letter."""
_PLAIN = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_NUMBER = re.compile(r"\d{1,2}|[IVX]+")
_ROMAN = "ii iii iv v vi vii viii ix x xi xii xiii".split()  # noqa: SIM905
_SPELT = "one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
_NUMBERS = {
    **{form: str(number) for number, form in enumerate(_ROMAN, start=2) if len(form) > 1},
    **{form: str(number) for number, form in enumerate(_SPELT, start=1)},
}
"""Numbers as words; the letters v and x are letters as well."""
_LETTERS = {"v": "5", "x": "10", "volume": "vol"}
"""What stands for a number, or for another word, where it is not a title's first word."""
_BRITISH = re.compile(r"(?<=\w{3})our(?=s?$)|(?<=\wt)re$|(?<=^gr)ey$")


class Word(NamedTuple):
    """A word of a text: its comparable form, and where it stands."""

    form: str
    start: int
    end: int


class Name(NamedTuple):
    """One title of an item: its words less a leading ``article``."""

    article: str
    key: Key


@lru_cache(maxsize=64)
def words(text: str) -> tuple[Word, ...]:
    """The words of ``text`` in comparable form. Cached, as a text is often looked at for several titles in a row."""
    pattern = _WORD if text.isascii() or not _any_mark().search(text) else _word_with_marks()
    return tuple(Word(fold(match.group()), *match.span()) for match in pattern.finditer(text))


def key(title: str) -> Key:
    """The comparable form of a title without its year: its words, less a leading article."""
    return names(title)[0].key


@lru_cache(maxsize=1 << 16)
def names(title: str) -> tuple[Name, ...]:
    """Every title that ``title``, given without its year, holds: first the main one, then those in brackets."""
    found = (_name(each) for each in spellings(title))
    return tuple(dict.fromkeys(name for name in found if name.key)) or (Name("", ()),)


def spellings(title: str) -> tuple[str, ...]:
    """The same as they are written; where some stand in brackets, last of all the whole."""
    main = title.strip()
    others: list[str] = []
    while main.endswith(")") and main.rfind("(") > 0:
        at = main.rfind("(")
        inner = _ALSO_KNOWN.sub("", main[at + 1 : -1], count=1).strip()
        if _NO_TITLE.fullmatch(inner):
            break
        others.insert(0, inner)
        main = main[:at].strip()
    return (main, *others, title) if others else (main,)


def short_forms(title: str, *, head: bool = True) -> frozenset[Key]:
    """What ``title`` is called for short, where a year tells which film is meant; without itself.

    That is its subtitle, what stands before one (``head``), the title without whose film it is, and the series before
    the last subtitle, without numbers: "Star Wars: Episode VII - The Force Awakens" is "Star Wars: The Force Awakens".
    """
    first, *rest = _SUBTITLE.split(title)
    owned = _OWNER.match(title)
    forms = {key(owned.group("title"))} if owned else set()
    if rest:
        series = " ".join(word for word in first.split() if not _NUMBER.fullmatch(word))
        forms |= {key(rest[-1]), key(f"{series} {rest[-1]}"), *([key(first)] if head else ())}
    return frozenset(form for form in forms - {key(title), ()} if len(form) > 1 or form[0] not in COMMON)


def numbered(form: str) -> str:
    """The number that a word stands for, as digits: ``ii`` and ``two`` are ``2``; other words are themselves."""
    return _NUMBERS.get(form, form)


def loose(form: Key) -> str:
    """A key however its words are divided and spelt and its numbers written: "Spider-Man II" is "Spiderman 2"."""
    said = [word for word in form if word not in ARTICLES] if len(form) > 1 else form
    return "".join(
        _LETTERS.get(word, numbered(word)) if at else numbered(word)
        for at, word in enumerate(map(_spelt_alike, said))
        if word != "no" or not "".join(said[at + 1 : at + 2]).isdigit()
    )


def _spelt_alike(word: str) -> str:
    """A word in American spelling: colour and color are one."""
    return _BRITISH.sub(lambda match: {"our": "or", "re": "er", "ey": "ay"}[match.group()], word)


@lru_cache(maxsize=1 << 16)
def fold(word: str) -> str:
    """The comparable form of one word."""
    if word == "&":
        return "and"
    if word.isascii():
        return "".join(filter(str.isalnum, word.lower()))
    letters = unicodedata.normalize("NFKD", word.casefold().translate(_PLAIN))
    return "".join(filter(_counts, letters))


def _counts(char: str) -> bool:
    return char.isalnum() or (
        unicodedata.category(char).startswith("M") and unicodedata.combining(char) < _DROPPED_MARK
    )


def _name(title: str) -> Name:
    """A title's own words. One without letters or digits, "$" or "???", is its characters."""
    moved = _TRAILING_ARTICLE.fullmatch(title)
    if moved and not title.casefold().startswith(f"{moved.group(2).casefold()}, "):  # "Die, Monster, Die"
        article = moved.group(2)
        title = f"{article}{'' if article.casefold() in _ELIDED else ' '}{moved.group(1)}"
    forms = tuple(word.form for word in words(title) if word.form) or tuple(title.split())
    if len(forms) > 1 and forms[0] in ARTICLES:
        return Name(forms[0], forms[1:])
    return Name("", forms)


@lru_cache(maxsize=1)
def _any_mark() -> re.Pattern[str]:
    return re.compile(f"[{marks()}]")


@lru_cache(maxsize=1)
def _word_with_marks() -> re.Pattern[str]:
    letter = rf"[^\W_](?:[^\W_]|[{marks()}])*"
    return re.compile(_PATTERN.replace("CHAR", letter))
