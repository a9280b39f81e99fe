"""The command ``interplay-bench``: parses, dispatches, and prints every error as one line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

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
    parsed = parser().parse_args(arguments)
    try:
        return int(parsed.execute(parsed))
    except InterplayError as error:
        print(f"interplay-bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interplay-bench: interrupted; --resume goes on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has left (`| head`): silence the interpreter's own complaint at exit, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
