"""``interplay-bench show``: a run's dialogues in the terminal, one after the other."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

from interplay_bench.cli import options
from interplay_bench.cli.printing import say
from interplay_bench.environment.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run's directory, or a folder of several")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N dialogues")
    parser.add_argument("--outcome", metavar="O", help="only dialogues with this outcome, such as failure")
    parser.add_argument(
        "--prompts", action="store_true",
        help="show instead what the model was given and answered (loads it; the first dialogue, or --limit)",
    )  # fmt: skip
    parser.add_argument("--html", metavar="FILE", type=Path, help="write one self-contained page instead")
    parser.add_argument(
        "--beside", metavar="RUN", type=Path, action="append", default=[],
        help="with --html: another run on the page, to see the same persona side by side (may be repeated)",
    )  # fmt: skip
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print each dialogue with what the model did in it, or write the page."""
    from interplay_bench.evaluation.run import runs_in
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.reports.transcript import transcripts

    if parsed.limit is not None and parsed.limit < 1:
        raise UsageError(f"--limit must be at least 1, not {parsed.limit}.")
    for plugin in parsed.plugin:
        load_plugin(plugin)
    runs = [run for folder in (parsed.run, *parsed.beside) for run in runs_in(folder)]
    if parsed.prompts:
        from interplay_bench.reports.model_input import model_inputs

        for run in runs:
            for text in model_inputs(run, parsed.limit or 1):
                say(text, end="\n\n")
        return 0
    if parsed.html is not None:
        from interplay_bench.reports.viewer.viewer_page import write_page

        count = write_page(parsed.html, runs, parsed.outcome, parsed.limit)
        say(f"Wrote {count} dialogues to {parsed.html}")
        return 0
    if parsed.beside:
        raise UsageError("--beside puts runs on one page: say where it goes with --html FILE.")
    for run in runs:
        if len(runs) > 1:
            say(f"══ {run.players()} · {run.folder}", end="\n\n")
        for text in islice(transcripts(run, parsed.outcome), parsed.limit):
            say(text, end="\n\n")
    return 0
