"""``interplay-bench publish``: a finished run's record, for the leaderboard."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench.cli.printing import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="a run's directory")
    parser.add_argument(
        "--results", metavar="DIR", type=Path, default=Path("leaderboard/results"),
        help="where records are kept (default: leaderboard/results)",
    )  # fmt: skip
    parser.add_argument("--allow-dirty", action="store_true", help="also runs of uncommitted code; the tables say so")


def execute(parsed: argparse.Namespace) -> int:
    """Publish one run after the other."""
    from interplay_bench.evaluation.run import Run
    from interplay_bench.leaderboard.publish import publish

    for folder in parsed.runs:
        say(publish(Run.load(folder), parsed.results, allow_dirty=parsed.allow_dirty))
    return 0
