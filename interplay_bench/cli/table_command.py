"""``interplay-bench table``: finished runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench.cli import options
from interplay_bench.cli.printing import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = "a run's directory, or a folder of several: of a suite, a crossplay"
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help=what)
    parser.add_argument(
        "--ranks", metavar="METRIC", help="also say between which ranks each model may lie, by paired tests"
    )
    options.add_format(parser)
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print a table per task, data set and metric signatures."""
    from interplay_bench.evaluation.run import runs_in
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.reports.table_formats import render_runs

    for plugin in parsed.plugin:
        load_plugin(plugin)
    runs = [run for folder in parsed.runs for run in runs_in(folder)]
    say(render_runs(runs, parsed.format, every=parsed.all, ranks=parsed.ranks))
    return 0
