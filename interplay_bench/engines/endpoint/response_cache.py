"""What a server has answered, on disk, so that no answer is paid for twice.

One file per answer, written aside and renamed into place: a process killed at any moment leaves the old entry or
the new one, never half of it, and any number of processes may share a folder without a lock. A database would
make fewer files, but SQLite's write-ahead log does not work on the network file systems that home directories of
clusters live on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.environment.cache_home import cache_home

SCHEMA = 3
"""Raise it when the same request would be kept or read differently: old entries are then never found again."""


def response_key(asked: Mapping[str, object]) -> str:
    """Return the name of a request: SHA-256 over its canonical JSON and the cache's schema."""
    canonical = json.dumps({"schema": SCHEMA, **asked}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _digest(key: str, text: bytes) -> str:
    return hashlib.sha256(key.encode() + text).hexdigest()


class ResponseCache:
    """JSON objects by key, in a folder that is made when it is first written to.

    It never fails a run: what cannot be read counts as missing, and a folder that cannot be written to is warned
    about once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._warned = False

    @classmethod
    def default(cls) -> ResponseCache:
        """The user's own cache, shared by all runs: ``responses`` in :func:`cache_home`."""
        return cls(cache_home() / "responses")

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what was put under ``key``; ``None`` where there is nothing, or nothing sound."""
        try:
            digest, _, text = self._path(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        # The key is hashed along: an entry that was copied or damaged does not pass for another's answer.
        if digest.decode("ascii", "replace") != _digest(key, text):
            return None
        value: dict[str, Any] = json.loads(text)
        return value

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep ``value`` under ``key``, in place of what was there."""
        try:
            text = json.dumps(value)
            self._write(self._path(key), f"{_digest(key, text.encode())}\n{text}")
        except OSError as error:
            if not self._warned:
                warnings.warn(f"Responses are not kept: {self.folder}: {error.strerror}", stacklevel=2)
            self._warned = True

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
        os.close(handle)
        aside = Path(name)
        try:
            aside.write_text(text, encoding="utf-8")
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
