"""Paths as people type them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.secrets import without_secrets

LONGEST = 120
"""The most characters of a name that we make; file systems allow 255 bytes."""


def typed_path(text: str | Path) -> Path:
    """Write out a leading ``~``; a path that begins with an unknown user's name stays as it is.

    The shell does it for a word of its own, but not in ``--output=~/run`` nor in a card.
    """
    if "\0" in str(text):
        raise UsageError(f"{str(text)!r} is no path: it contains a NUL character.")
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def safe_name(text: str) -> str:
    """A file name that any system takes, made of ``text``: never hidden, a path or a secret, of a length that fits.

    What is cut off is told apart by a hash.
    """
    plain = "".join(c if c.isalnum() or c in "-._" else "_" for c in without_secrets(text)).lstrip("._") or "_"
    if len(plain) <= LONGEST:
        return plain
    return f"{plain[: LONGEST - 9]}-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:8]}"
