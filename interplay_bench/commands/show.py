"""``interplay-bench show``: a run's dialogues in the terminal, one after the other."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench import options

HELP = "show a run's dialogues: turns, actions, decisions"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run's directory")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N dialogues")
    parser.add_argument("--outcome", metavar="O", help="only dialogues with this outcome, such as failure")
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print each dialogue with what the model did in it."""
    from interplay_bench import registry
    from interplay_bench.run import Run
    from interplay_bench.transcript import transcripts

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    for number, text in enumerate(transcripts(Run.load(parsed.run), parsed.outcome)):
        if number == parsed.limit:
            break
        print(text, end="\n\n")
    return 0
