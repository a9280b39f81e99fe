"""``interplay-bench run``: evaluate models on tasks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.cli import options
from interplay_bench.cli.printing import note, say
from interplay_bench.environment.errors import UsageError

if TYPE_CHECKING:
    from interplay_bench.evaluation.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    names: dict[str, Any] = {"type": options.names, "action": "extend", "default": []}
    parser.add_argument("--task", metavar="T", **names, help="what to evaluate, such as A or A,B: list tasks")
    parser.add_argument("--model", metavar="M", **names, help="a model's name, name:K, or a card's path; or several")
    parser.add_argument(
        "--controls", action=argparse.BooleanOptionalAction, default=None,
        help="also run the control policies, for comparison (default: with --config alone)",
    )  # fmt: skip
    parser.add_argument("--config", metavar="FILE", type=Path, help="these options as TOML: task = ['A', 'B']")
    options.add_dataset(parser, default=None)
    options.add_settings(parser)
    options.add_output(parser)
    parser.add_argument("--shard", metavar="I/N", help="only the I-th of N shares of the dialogues; then: merge")
    options.add_plugin(parser)
    options.add_loudness(parser)
    parser.add_argument(
        "--write-out", metavar="N", type=int, default=0,
        help="then print what each model was given and answered in the first N dialogues",
    )  # fmt: skip
    options.add_format(parser)
    parser.add_argument("--json", action="store_true", help="print metrics and ledger as one JSON object")


def execute(parsed: argparse.Namespace) -> int:
    """Evaluate one cell or many, and print the table or the JSON object."""
    from interplay_bench.environment.processes import Processes
    from interplay_bench.evaluation.grid import controls
    from interplay_bench.plugins.plugin_file import load_plugin

    for plugin in parsed.plugin:
        load_plugin(plugin)
    for what in ("task", "model"):
        if not getattr(parsed, what):
            raise UsageError(f"Say which {what}: --{what} NAME. There are: interplay-bench list {what}s.")
    first = Processes.here().first
    if parsed.dataset is None and first and not parsed.quiet:
        note("No --dataset given: using 'sample' (synthetic dialogues, shipped with the package).")
    added = controls(parsed.task) if parsed.controls or (parsed.controls is None and parsed.config) else []
    names = list(dict.fromkeys([*parsed.model, *added]))
    if len(set(parsed.task)) * len(names) > 1:
        if parsed.shard:
            raise UsageError("--shard is for one task and one model: start each as a command of its own.")
        return _many(parsed, names, first)
    run = _one(parsed, parsed.task[0], names[0])
    if first and parsed.shard:
        say(f"The share {parsed.shard} is in {run.folder}: put all together by interplay-bench merge DIR...")
    elif first:
        _print(parsed, [run], run.folder)
    return 0


def _one(parsed: argparse.Namespace, task: str, model: str) -> Run:
    from interplay_bench.evaluation.evaluate import evaluate
    from interplay_bench.evaluation.shard import Shard

    return evaluate(
        task,
        model,
        parsed.dataset or "sample",
        data=parsed.data,
        split=parsed.split,
        limit=parsed.limit,
        seed=parsed.seed,
        settings=options.settings(parsed, [model]),
        output=parsed.output,
        resume=parsed.resume,
        progress=options.progress(parsed),
        shard=Shard.parse(parsed.shard) if parsed.shard else None,
    )


def _many(parsed: argparse.Namespace, names: list[str], first: bool) -> int:
    from interplay_bench.evaluation.grid import Grid
    from interplay_bench.evaluation.suite import DataRequest, run_suite

    grid = Grid.of(parsed.task, names, options.settings(parsed, names))
    data = DataRequest(parsed.dataset or "sample", parsed.data, parsed.split, parsed.limit)
    result = run_suite(
        grid,
        data,
        parsed.output,
        seed=parsed.seed,
        resume=parsed.resume,
        progress=options.progress(parsed),
        tell=note if first else lambda text: None,
    )
    if first and result.runs:
        _print(parsed, result.runs, result.folder)
    if first and result.failed:
        cells = len(result.runs) + len(result.failed)
        note(f"{len(result.failed)} of {cells} cells failed. When that is mended: the same with --output "
             f"{result.folder} --resume.")  # fmt: skip
    return int(bool(result.failed))


def _print(parsed: argparse.Namespace, runs: list[Run], folder: Path) -> None:
    from interplay_bench.reports.table_formats import render_runs

    if parsed.json:
        single = folder == runs[0].folder
        say(json.dumps(_scores(runs[0]) if single else {"runs": [_names(run) | _scores(run) for run in runs]}))
        return
    if parsed.verbose:
        for run in runs:
            note(_account(run))
    say(render_runs(runs, parsed.format, every=parsed.all))
    if parsed.write_out:
        _write_out(runs, parsed.write_out)
    if not parsed.quiet and parsed.format == "text":
        show = "show" if folder == runs[0].folder else "table"
        say(f"Kept in {folder}: interplay-bench {show} {folder}")


def _write_out(runs: list[Run], limit: int) -> None:
    from interplay_bench.environment.errors import IncompatibleModelError
    from interplay_bench.reports.model_input import model_inputs

    for run in runs:
        try:
            for text in model_inputs(run, limit):
                say(f"{text}\n")
        except IncompatibleModelError as error:
            say(f"{error}\n")


def _names(run: Run) -> dict[str, Any]:
    record = run.record
    return {"task": record.task.name, "model": record.model.name, "run": str(run.folder)}


def _scores(run: Run) -> dict[str, Any]:
    record = run.record.to_json()
    return {key: record.get(key) for key in ("metrics", "ledger")}


def _account(run: Run) -> str:
    """What was loaded and how long it took, of one run."""
    record, timing = run.record, run.record.timing
    took = f"{timing.dialogues} dialogues in {timing.seconds:.1f} s" if timing else "not finished"
    identity = ", ".join(f"{key} {value}" for key, value in record.model.identity.items() if isinstance(value, str))
    return f"{record.task.name} · {record.model.name}: {took}; {identity or 'no weights'}; {run.folder}"
