"""Every error that a user can cause, each with one line that names the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InterplayError(Exception):
    """Base of all errors that the command line prints as one line, without a traceback."""


class UsageError(InterplayError):
    """The call itself is off: an unknown name, an option that does not exist, a value out of range."""


class IncompatibleModelError(UsageError):
    """The model cannot do what the task asks of it: it takes the other side, or does not speak."""


class DataError(InterplayError):
    """A data set cannot be read: a missing file, a broken line (named by number), a wrong column, no record."""


class MissingDataError(DataError):
    """There are no such data: no file, no folder, no split, or nothing on the hub."""


class CardError(InterplayError):
    """A model card is malformed, or names something that does not exist."""


class CheckpointError(InterplayError):
    """A model's weights are not where the card says."""


class BackendError(InterplayError):
    """A language model's server is down, refuses, or answers garbage."""


class RunError(InterplayError):
    """A run directory cannot be used: it exists, is of another configuration, or is incomplete."""


def unknown_name(kind: str, name: str, available: Iterable[str], *, hint: str = "") -> UsageError:
    """Return the error for an unknown ``name``, with the nearest known names and the whole list."""
    names = sorted(available)
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    guess = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    more = f" {hint}" if hint else ""
    return UsageError(f"Unknown {kind} {name!r}.{guess} Available: {', '.join(names) or 'none'}.{more}")
