"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path


def typed_path(text: str | Path) -> Path:
    """Write out a leading ``~``; a path that begins with an unknown user's name stays as it is.

    The shell does it for a word of its own, but not in ``--output=~/run`` nor in a card.
    """
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
