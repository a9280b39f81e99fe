"""Runs as one self-contained page: nothing is loaded, nothing in the data is ever read as markup.

The dialogues stand in the page as JSON, in which no character could end the element that holds it, and the script
writes them as text alone. Only that script may run: the policy names its digest.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.run import Run
from interplay_bench.reports.viewer.bundle import bundle

_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def write_page(path: Path, runs: Sequence[Run], outcome: str | None = None, limit: int | None = None) -> int:
    """Write the page of ``runs``; returns how many dialogues are on it."""
    data = bundle(runs, outcome, limit)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, render(data))
    except OSError as error:
        raise UsageError(f"The page cannot be written: {error}.") from None
    return len(data["dialogues"])


def render(data: Mapping[str, Any]) -> str:
    """The page of a :func:`~interplay_bench.reports.viewer.bundle.bundle`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("interplay_bench.reports.viewer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _script()
    digest = b64encode(sha256(script.encode()).digest()).decode()
    page = environment.get_template("page.html.j2")
    return page.render(data=embedded(data), script=script, digest=digest).strip() + "\n"


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that can stand inside a script element: no ``<``, ``>``, ``&``, no line separators, no lone surrogates."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)
    return "".join(c if not "\ud800" <= c <= "\udfff" else f"\\u{ord(c):04x}" for c in text)


@cache
def _script() -> str:
    return (files("interplay_bench.reports.viewer") / "templates" / "page.js.j2").read_text(encoding="utf-8")
