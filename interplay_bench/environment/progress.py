"""Progress of long work: a bar on a terminal, and in a pipe a line now and then. Both say how much time is left."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from interplay_bench.environment.terminal import printable

Advance = Callable[[int], None]
Progress = Callable[[str, int, int], AbstractContextManager[Advance]]
"""Called with a title, how much there is to do and how much is done already; yields a function to advance by."""
EVERY = 30.0
"""Seconds between two lines in a pipe."""


@contextmanager
def silent(title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda amount: None


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show a bar on standard error; where that is no terminal, a line every half minute."""
    if sys.stderr is None:
        yield lambda amount: None
        return
    if not sys.stderr.isatty():
        with lines(title, total, done) as advance:
            yield advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as display:
        work = display.add_task(printable(title), total=total, completed=done)
        yield lambda amount: display.advance(work, amount)


@contextmanager
def lines(title: str, total: int, done: int = 0, every: float = EVERY) -> Iterator[Advance]:
    """Write how far the work is, and how much time is left, to standard error ``every`` so many seconds."""
    count, started, ended = 0, time.monotonic(), threading.Event()

    def advance(amount: int) -> None:
        nonlocal count
        count += amount

    def report() -> None:
        while not ended.wait(every):
            seconds = time.monotonic() - started
            left = f"about {duration(seconds / count * (total - done - count))} left" if count else "time left unknown"
            print(f"{printable(title)}: {done + count} of {total}, {duration(seconds)} so far, {left}", file=sys.stderr,
                  flush=True)  # fmt: skip

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield advance
    finally:
        ended.set()
        reporter.join()


def duration(seconds: float) -> str:
    """A time for people: ``45 s``, ``3 min``, ``2 h 5 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
