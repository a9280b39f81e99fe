"""``--config FILE``: a command's options as TOML, ``task = ["a", "b"]`` for ``--task a,b``. Typed ones win."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interplay_bench.environment.errors import UsageError, unknown_name
from interplay_bench.environment.toml_and_json import from_toml

SET = "set"
REPLACED = ("task", "model")
"""Lists of which what is typed takes the place; all other options that can be repeated are added up."""


PARSERS = {"execute", "command", "config"}
"""What a parsed command line holds beside the command's options."""


def words_of(path: Path, typed: argparse.Namespace) -> list[str]:
    """The file's options as words of the command line, to stand before those that were ``typed``."""
    found = _read(path)
    options = {SET if name == "settings" else name.replace("_", "-") for name in vars(typed)} - PARSERS
    words: list[str] = []
    for key, value in found.items():
        name = key.replace("_", "-")
        if name not in options:
            raise unknown_name(f"option (in {path})", key, options)
        if not (name in REPLACED and getattr(typed, name)):
            words += _words(path, name, value)
    return words


def _read(path: Path) -> dict[str, Any]:
    try:
        return from_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"No configuration at {path}.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"The configuration {path} cannot be read: {error}.") from None


def _words(path: Path, name: str, value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        if value or name == "controls":
            yield f"--{name}" if value else f"--no-{name}"
    elif isinstance(value, dict) and name == SET:
        for key, one in value.items():
            yield f"--{SET}={key}={str(one).lower() if isinstance(one, bool) else one}"
    elif isinstance(value, list):
        for one in value:
            yield from _words(path, name, one)
    elif isinstance(value, str | int | float):
        yield f"--{name}={value}"
    else:
        raise UsageError(f"In {path}: {name} takes a text, a number, true, or a list of them ({SET}: a table).")
