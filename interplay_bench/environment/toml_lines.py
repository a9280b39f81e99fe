"""Where something stands in a TOML file: the line that an error names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_HEADER = re.compile(r"\s*\[(\[?)\s*([\w.\"'-]+)\s*\]\]?\s*(?:#.*)?$")

_ELEMENT = re.compile(r"\s*[{\"'\d\[]")


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """The number of the line of ``place``, such as ``("tables", 0, "rows", 2, "name")``, or of the nearest part that
    holds it; ``None`` where not even the first part is found."""
    lines = text.splitlines()
    headers = _headers(lines)
    for length in range(len(place), -1, -1):
        start = 0 if length == 0 else headers.get(tuple(place[:length]))
        if start is not None:
            rest = place[length:]
            inside = _inside(lines, start, rest) if rest else None
            return inside or start or None
    return None


def _headers(lines: Sequence[str]) -> dict[tuple[str | int, ...], int]:
    """The lines of ``[a]`` and ``[[a.b]]`` by their places; an array's tables are numbered within their parent."""
    found: dict[tuple[str | int, ...], int] = {}
    current: dict[str, tuple[str | int, ...]] = {}
    counted: Counter[tuple[str | int, ...]] = Counter()
    for number, line in enumerate(lines, start=1):
        header = _HEADER.match(line)
        if header is None:
            continue
        name = header[2].replace('"', "").replace("'", "")
        parent, _, last = name.rpartition(".")
        place = (*current.get(parent, tuple(parent.split(".")) if parent else ()), last)
        if header[1]:
            counted[place] += 1
            place = (*place, counted[place] - 1)
        current[name] = place
        found[place] = number
    return found


def _inside(lines: Sequence[str], start: int, rest: Sequence[str | int]) -> int | None:
    """The line of a key below the header at ``start``, and of an array's element that has a line of its own."""
    key = re.compile(rf"\s*[\"']?{re.escape(str(rest[0]))}[\"']?\s*=")
    for number, line in enumerate(lines[start:], start=start + 1):
        if _HEADER.match(line):
            return None
        if key.match(line):
            element = rest[1] if len(rest) > 1 else None
            spread = line.rstrip().endswith("[")
            return _element(lines, number, element) if spread and isinstance(element, int) else number
    return None


def _element(lines: Sequence[str], start: int, index: int) -> int:
    """The line of an array's element, of an array with a line for each; the array's own where there are fewer."""
    found = [number for number, line in enumerate(lines[start:], start=start + 1) if _ELEMENT.match(line)]
    return found[index] if index < len(found) else start
