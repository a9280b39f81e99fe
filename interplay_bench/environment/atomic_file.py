"""Files that are never seen half written: a kill or a full disk leaves the old one, whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

DRAFT = ".draft"
"""How the names of files end that are being written; a kill leaves them, and nobody reads them."""


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Give a new, empty file beside ``path`` to write to; it takes the place of ``path`` when the block ends well.

    ``mode``: who may read and write it, less what the process's umask takes. The draft's name is random and it is
    opened exclusively, so that no link or file that is already there is written through. What was written is on the
    disk before the name changes. Where the block fails, the draft is removed.
    """
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}{DRAFT}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), mode))
    try:
        yield draft
        _to_disk(draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _to_disk(path.parent)


def write_file(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Replace ``path`` by ``content`` in one step; text is written as UTF-8, its line ends untouched."""
    with replacing(path, mode) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


def is_draft(path: Path) -> bool:
    """Whether a file is what a kill left of one that was being written."""
    return path.suffix == DRAFT


def _to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk; not every system can do so for a folder."""
    with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
