"""TOML and JSON that anybody may have written: the value, or a :class:`ValueError` that says why there is none.

The standard library's readers raise more than that: a thousand brackets in a row end in a :class:`RecursionError`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def from_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text, with or without a byte-order mark."""
    return _shallow(tomllib.loads, text.removeprefix("\ufeff"))


def from_json(text: str | bytes) -> Any:
    """The value of a JSON text."""
    return _shallow(json.loads, text)


def _shallow(read: Callable[[Any], T], text: str | bytes) -> T:
    try:
        return read(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
