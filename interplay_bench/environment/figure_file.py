"""Figures of matplotlib as files: whole or not there, and the same bytes for the same figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.environment.atomic_file import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_UNMARKED = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What keeps the date and matplotlib's version out of a file, by its format."""


def save_figure(figure: Figure, path: Path, *, dpi: int | None = 120) -> None:
    """Write ``figure`` in the format of the file's suffix, PNG where it has none; ``dpi``: ``None`` for the figure's.

    A kill leaves the old picture, and a link is replaced, not written through.
    """
    target = path if path.suffix else path.with_suffix(".png")
    kind = target.suffix[1:].lower()
    with replacing(target) as draft:
        figure.savefig(draft, format=kind, dpi=dpi or "figure", metadata=_UNMARKED.get(kind))
