"""The one place that prints: whatever stands in names, texts and errors cannot steer the terminal."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from interplay_bench.environment.secrets import without_secrets
from interplay_bench.environment.terminal import printable


def say(text: object = "", *, end: str = "\n") -> None:
    """Print to standard output."""
    print(printable(str(text)), end=end)


def note(text: str) -> None:
    """Print to standard error, which logs often keep, beside the output."""
    print(printable(without_secrets(text)), file=sys.stderr)


def complain(what: str, code: int) -> int:
    """Print an error as one line; returns the exit code."""
    note(f"interplay-bench: {' '.join(what.splitlines())}")
    return code


def unexpected(error: Exception) -> str:
    """An error that nobody foresaw, in one line: what it is, where it came up, and how to see more."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    notes = "".join(f" {note}." for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}{where}.{notes} Add --debug to see the traceback."
