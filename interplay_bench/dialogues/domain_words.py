"""What people call the items of a domain, and what they do with them: data, for the rules that read actions.

Every ``*.toml`` in ``interplay_bench/dialogues/domains`` is a domain with three lists: ``verbs`` (to take an item up:
watch, listen to), ``nouns`` (what it is: movie, song) and ``kinds`` (what sorts there are: comedy, jazz), each the text
of a regular expression. The rules read all domains at once, since people speak of books when films are at hand. The
variable ``INTERPLAY_DOMAINS`` may name a folder with more of them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.toml_and_json import from_toml

VARIABLE = "INTERPLAY_DOMAINS"
_PARTS = ("verbs", "nouns", "kinds")


@dataclass(frozen=True, slots=True)
class DomainWords:
    """The words of all domains, each part as one group of a regular expression."""

    verbs: str
    nouns: str
    kinds: str


def domain_words() -> DomainWords:
    """The words shipped, and those of the user's own folder. Raises :class:`UsageError` that names a broken file."""
    texts = {entry.name: entry.read_text("utf-8") for entry in files(__package__).joinpath("domains").iterdir()}
    own = os.environ.get(VARIABLE)
    if own:
        if not Path(own).is_dir():
            raise UsageError(f"{VARIABLE} names {own}, which is no folder: name one with *.toml files, or unset it.")
        texts |= {str(path): _own(path) for path in Path(own).glob("*.toml")}
    tables = [_table(name, text) for name, text in sorted(texts.items()) if name.endswith(".toml")]
    groups = ("|".join(dict.fromkeys(word for table in tables for word in table[part])) for part in _PARTS)
    return DomainWords(*(f"(?:{group})" for group in groups))


def _own(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}, a domain's words, cannot be read: {error}.") from None


def _table(name: str, text: str) -> dict[str, list[str]]:
    try:
        table = from_toml(text)
        lists = {part: table.pop(part, []) for part in _PARTS}
        for word in (word for words in lists.values() for word in words):
            re.compile(word)
    except (ValueError, re.error, TypeError) as error:
        raise UsageError(f"{name} is no domain's words ({error}): see domains/movie.toml for an example.") from None
    if table:
        raise UsageError(f"{name} has an unknown part {next(iter(table))!r}: a domain has {', '.join(_PARTS)}.")
    return lists
