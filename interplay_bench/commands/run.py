"""``interplay-bench run``: evaluate one model on one task."""

from __future__ import annotations

import argparse
import json
import sys

from interplay_bench import options

HELP = "evaluate a model on a task"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--task", metavar="T", required=True, help="what to evaluate: interplay-bench list tasks")
    parser.add_argument("--model", metavar="M", required=True, help="a model's name, name:K, or a card's path")
    options.add_dataset(parser, default=None)
    options.add_settings(parser)
    options.add_output(parser)
    options.add_plugin(parser)
    parser.add_argument("--json", action="store_true", help="print metrics and ledger as one JSON object")


def execute(parsed: argparse.Namespace) -> int:
    """Evaluate, and print the table or the JSON object."""
    from interplay_bench import registry
    from interplay_bench.processes import Processes
    from interplay_bench.progress import bar, silent
    from interplay_bench.runner import evaluate
    from interplay_bench.tables import render_runs

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    first = Processes.here().first
    if parsed.dataset is None and first:
        print("No --dataset given: using 'sample' (synthetic dialogues, shipped with the package).", file=sys.stderr)
    run = evaluate(
        parsed.task,
        parsed.model,
        parsed.dataset or "sample",
        data=parsed.data,
        split=parsed.split,
        limit=parsed.limit,
        seed=parsed.seed,
        settings=options.settings(parsed),
        output=parsed.output,
        resume=parsed.resume,
        progress=bar if first else silent,
    )
    if not first:
        return 0
    if parsed.json:
        print(json.dumps({"metrics": run.record["metrics"], "ledger": run.record["ledger"]}))
    else:
        print(render_runs([run]))
        print(f"Kept in {run.folder}: interplay-bench show {run.folder}")
    return 0
