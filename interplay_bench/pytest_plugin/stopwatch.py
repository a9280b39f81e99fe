"""How long the work itself took, without reading data and loading weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from interplay_bench.environment.progress import Advance


class Stopwatch:
    """A :data:`~interplay_bench.environment.progress.Progress` that shows nothing and keeps the time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.dialogues = 0
        self.resumed = False

    @contextmanager
    def __call__(self, title: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Time what happens inside."""
        self.resumed = done > 0
        started = time.perf_counter()
        yield self._advance
        self.seconds = time.perf_counter() - started

    def _advance(self, amount: int) -> None:
        self.dialogues += amount
