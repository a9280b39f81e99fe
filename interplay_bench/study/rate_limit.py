"""How many requests an annotator may send: a burst, then so many a second."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 120
"""Requests that may come at once."""
PER_SECOND = 10.0


class RateLimit:
    """A token bucket per key. Keys are few: the study's annotators, and one for everybody else."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, key: str) -> bool:
        """Whether one more request of ``key`` is served now; it then counts."""
        now = self._clock()
        left, since = self._left.get(key, (float(BURST), now))
        left = min(float(BURST), left + (now - since) * PER_SECOND)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        return left >= 1
