"""Where the project keeps what it can make again: responses, downloaded weights."""

from __future__ import annotations

import os
from pathlib import Path

from interplay_bench.environment.errors import UsageError

NAME = "interplay-bench"


def cache_home() -> Path:
    """Return ``$XDG_CACHE_HOME/interplay-bench``, or ``~/.cache/interplay-bench``; it need not exist yet.

    A relative ``XDG_CACHE_HOME`` is ignored, as its specification asks. Without either,
    :class:`UsageError`.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given / NAME
    try:
        return Path.home() / ".cache" / NAME
    except RuntimeError:  # no HOME, and a user whom the system does not know, as in some containers
        raise UsageError("There is no home directory for the cache: set XDG_CACHE_HOME to a folder of yours.") from None
