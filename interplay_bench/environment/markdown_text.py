"""Text of unknown origin (models, data sets, commands) within Markdown: shown as it is, never read as markup."""

from __future__ import annotations

import re

from interplay_bench.environment.terminal import spelt_out


def escaped(text: str) -> str:
    """Text as it is, whatever markup, link, formula or column of a table it looks like."""
    flat = flattened(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    marked = re.sub(r"([`*_\[\]~])", r"\\\1", flat.replace("\\", "&#92;"))
    return re.sub(r"[|$]|:(?=//)|(?<=www)\.", lambda found: f"&#{ord(found[0])};", marked)


def code(text: str) -> str:
    """Text as code within a line: the ticks around it are more than any within."""
    flat = flattened(text)
    ticks = "`" * (1 + max(map(len, re.findall("`+", flat)), default=0))
    space = " " if "`" in flat else ""
    return f"{ticks}{space}{flat}{space}{ticks}"


def cell(text: str) -> str:
    """Markdown as a cell of a table: its own bars are no borders."""
    return text.replace("|", "\\|")


def flattened(text: str) -> str:
    """Text in one line, with what could turn it around spelt out."""
    return str(spelt_out(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)))
