"""How the time of work grows with its size: what a test can hold on a machine of any speed, under any load."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf


def grows_at_most(times: float, work: Callable[[int], object], size: int, factor: int = 4, rounds: int = 8) -> bool:
    """Whether ``factor`` times the size takes at most ``times`` the processor time.

    Other load only adds time, so the least of interleaved rounds is compared, and rounds end once it is small enough.
    """
    small = large = inf
    for round_ in range(rounds):
        small, large = min(small, _seconds(work, size)), min(large, _seconds(work, size * factor))
        if round_ and large <= times * small:
            return True
    return False


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began
