"""Samples that were damaged, or that another version wrote: said in one line wherever a task reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interplay_bench.environment.errors import RunError
from interplay_bench.evaluation.sample_log import MERGED


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Report what fails within, where a task reads back the samples of ``folder``, as a :class:`RunError`."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise RunError(
            f"{folder / MERGED} holds what its task cannot read ({reason}). It was damaged, or another version wrote "
            "it: run anew with another --output."
        ) from error
