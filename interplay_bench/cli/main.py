"""The command ``interplay-bench``: parses, dispatches, and prints every error as one line."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from interplay_bench.cli.commands import COMMANDS, add_command, chosen
from interplay_bench.cli.config_file import words_of
from interplay_bench.cli.printing import complain, note, say, unexpected
from interplay_bench.environment.errors import InterplayError

DEBUG = "--debug"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 a finding or a failed run, 2 a call that cannot be taken."""
    _ready_streams()
    words = sys.argv[1:] if arguments is None else list(arguments)
    if "_ARGCOMPLETE" in os.environ:
        from interplay_bench.cli.completion import complete

        complete(parser(shlex.split(os.environ.get("COMP_LINE", ""))[1:]))
    debug = DEBUG in words
    try:
        return _execute([word for word in words if word != DEBUG])
    except Exception as error:
        if debug:
            note(traceback.format_exc())
        return _failed(error)
    except KeyboardInterrupt as stop:
        return complain(f"interrupted; {stop}." if str(stop) else "interrupted.", 130)


def _failed(error: Exception) -> int:
    """Say in one line what went wrong, and how to fix it where that is known."""
    if isinstance(error, InterplayError):
        return complain(str(error), 2)
    if isinstance(error, BrokenPipeError):  # the reader of our output has left, as `head` does
        _discard_output()
        return 0
    _discard_output()
    if isinstance(error, OSError) and not getattr(error, "__notes__", ()):
        # The disk is full, a file may not be read: nothing that a traceback would explain.
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        return complain(f"{what}.", 1)
    return complain(unexpected(error), 1)


def _execute(arguments: Sequence[str]) -> int:
    try:
        parsed = _parsed(arguments)
        try:
            return int(parsed.execute(parsed))
        except KeyboardInterrupt as stop:
            if str(stop) or not hasattr(parsed, "resume"):
                raise
            raise KeyboardInterrupt("the same command with --resume and its --output goes on from here") from None
    finally:
        sys.stdout.flush()  # here, where what goes wrong with it can still be said


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What was typed; with ``--config``, on top of what the file says."""
    parsed = parser(arguments).parse_args(arguments)
    config = getattr(parsed, "config", None)
    if config is None:
        return parsed
    words = words_of(config, parsed)
    place = arguments.index(parsed.command) + 1
    return parser(arguments).parse_args([*arguments[:place], *words, *arguments[place:]])


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


class Version(argparse.Action):
    """Prints the installed version, which is looked up then only."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end."""
        from importlib.metadata import version

        say(f"interplay-bench {version('interplay-bench')}")
        parser.exit()


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """All commands, and the options of the one that ``words`` begin with."""
    top = argparse.ArgumentParser(
        prog="interplay-bench",
        description="Benchmark harness for reference-free simulators of conversational recommendation.",
        epilog=f"{DEBUG}, with any command: show the traceback of an error.",
    )
    top.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        add_command(commands, name, whole=name == chosen(words))
    return top
