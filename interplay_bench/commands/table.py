"""``interplay-bench table``: finished runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "show runs side by side, a row each"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="a run's directory")


def execute(parsed: argparse.Namespace) -> int:
    """Print a table per task, data set and metric signatures."""
    from interplay_bench.run import Run
    from interplay_bench.tables import render_runs

    print(render_runs([Run.load(folder) for folder in parsed.runs]))
    return 0
