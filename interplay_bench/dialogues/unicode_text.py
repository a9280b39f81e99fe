"""Text in one form: what looks the same is the same, and a mark belongs to the letter that it stands on.

An accent may be a part of its letter (NFC) or a character behind it (NFD), and many scripts write vowels as marks;
``\\w`` takes no mark for a part of a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WITH_MARKS = (range(0x300, 0x1F000), range(0xE0100, 0xE01F0))
"""Where Unicode has its combining marks."""


def composed(text: str) -> str:
    """``text`` in Unicode's composed form (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@lru_cache(maxsize=1)
def marks() -> str:
    """The characters that combine with the one before, to stand within a class of a regular expression.

    Built when first asked for: it takes 20 ms, and most text is ASCII.
    """
    return "".join(re.escape(chr(code)) for codes in _WITH_MARKS for code in codes if is_mark(chr(code)))


def is_mark(char: str) -> bool:
    """Whether ``char`` combines with the one before."""
    return unicodedata.category(char).startswith("M")
