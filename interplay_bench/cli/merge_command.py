"""``interplay-bench merge``: the shards of a run, put together."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench.cli import options
from interplay_bench.cli.printing import say
from interplay_bench.environment.paths import typed_path


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shards", metavar="DIR", type=Path, nargs="+", help="the directory of each run --shard I/N")
    parser.add_argument("-o", "--output", metavar="DIR", type=typed_path, help="the run (default: a new one in runs/)")
    options.add_format(parser)
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Merge, and print the table of the run."""
    from interplay_bench.evaluation.merge import merge
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.reports.table_formats import render_runs

    for plugin in parsed.plugin:
        load_plugin(plugin)
    run = merge(parsed.shards, parsed.output)
    say(render_runs([run], parsed.format, every=parsed.all))
    if parsed.format == "text":
        say(f"Kept in {run.folder}: interplay-bench show {run.folder}")
    return 0
