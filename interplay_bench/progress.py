"""Progress of long work: a bar on a terminal, silence in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int], None]
Progress = Callable[[str, int, int], AbstractContextManager[Advance]]
"""Called with a title, how much there is to do and how much is done already; yields a function to advance by."""


@contextmanager
def silent(title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda amount: None


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show a bar on standard error, where that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda amount: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as display:
        work = display.add_task(title, total=total, completed=done)
        yield lambda amount: display.advance(work, amount)
