"""The command ``interplay-bench``: parses, dispatches, and prints every error as one line."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from interplay_bench.commands import (
    audit,
    compare,
    crossplay,
    leaderboard,
    listing,
    publish,
    run,
    show,
    simulate,
    table,
    train,
)
from interplay_bench.errors import InterplayError

COMMANDS = {
    "run": run,
    "train": train,
    "simulate": simulate,
    "crossplay": crossplay,
    "table": table,
    "compare": compare,
    "show": show,
    "list": listing,
    "audit": audit,
    "publish": publish,
    "leaderboard": leaderboard,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 a finding or a failed run, 2 a call that cannot be taken."""
    _ready_streams()
    try:
        return _execute(arguments)
    except InterplayError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt as stop:
        return _complain(f"interrupted; {stop}." if str(stop) else "interrupted.", 130)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        _discard_output()
        return 0
    except OSError as error:  # the disk is full, a file may not be read: nothing that a traceback would explain
        _discard_output()
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        return _complain(f"{what}.", 1)


def _execute(arguments: Sequence[str] | None) -> int:
    try:
        parsed = parser().parse_args(arguments)
        try:
            return int(parsed.execute(parsed))
        except KeyboardInterrupt as stop:
            if str(stop) or not hasattr(parsed, "resume"):
                raise
            raise KeyboardInterrupt("the same command with --resume and its --output goes on from here") from None
    finally:
        sys.stdout.flush()  # here, where what goes wrong with it can still be said


def _complain(what: str, code: int) -> int:
    print(f"interplay-bench: {what}", file=sys.stderr)
    return code


def _ready_streams() -> None:
    """Make output possible where a stream was closed (`2>&-`) or cannot encode an arrow or an accent."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 (it stays open as long as the process)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Keep the interpreter from complaining, at exit, of output that cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = argparse.ArgumentParser(
        prog="interplay-bench",
        description="Benchmark harness for reference-free simulators of conversational recommendation.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        sub = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.configure(sub)
        sub.set_defaults(execute=module.execute)
    return top
