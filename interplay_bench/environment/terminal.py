"""Text of unknown origin (models, data sets, names in files) as a terminal or a page may safely show it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control, format and direction characters, halves of pairs, and ends of lines."""
_SUSPECT = re.compile(r"[^\n -~]")


def printable(text: str, instead: Callable[[str], str] = lambda character: "·") -> str:
    """Return ``text`` with a dot, or whatever is wanted ``instead``, for each character but the line break that could
    steer a terminal or turn a line around."""
    return _SUSPECT.sub(lambda c: instead(c[0]) if unicodedata.category(c[0]) in STEERING else c[0], text)


def spelt_out(value: Any) -> Any:
    """The same JSON value with those characters spelt out wherever they stand: ``‹U+202E›``."""
    if isinstance(value, str):
        return printable(value, lambda character: f"‹U+{ord(character):04X}›")
    if isinstance(value, dict):
        return {spelt_out(key): spelt_out(part) for key, part in value.items()}
    return [spelt_out(part) for part in value] if isinstance(value, list) else value
