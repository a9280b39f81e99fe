"""Where the project keeps what it can make again: responses, downloaded weights."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """Return ``$XDG_CACHE_HOME/interplay-bench``, or ``~/.cache/interplay-bench``; it need not exist yet.

    A relative ``XDG_CACHE_HOME`` is ignored, as its specification asks.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "interplay-bench"
