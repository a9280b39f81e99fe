"""``interplay-bench show``: a run's dialogues in the terminal, one after the other."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench import options
from interplay_bench.errors import UsageError

HELP = "show a run's dialogues: turns, actions, decisions; or write them as a page"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run's directory")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N dialogues")
    parser.add_argument("--outcome", metavar="O", help="only dialogues with this outcome, such as failure")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write one self-contained page instead")
    parser.add_argument(
        "--beside", metavar="RUN", type=Path, action="append", default=[],
        help="with --html: another run on the page, to see the same persona side by side (may be repeated)",
    )  # fmt: skip
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print each dialogue with what the model did in it, or write the page."""
    from interplay_bench import registry
    from interplay_bench.interplay.transcript import transcripts
    from interplay_bench.run import Run

    if parsed.limit is not None and parsed.limit < 1:
        raise UsageError(f"--limit must be at least 1, not {parsed.limit}.")
    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    runs = [Run.load(folder) for folder in (parsed.run, *parsed.beside)]
    if parsed.html is not None:
        from interplay_bench.viewer.page import write_page

        count = write_page(parsed.html, runs, parsed.outcome, parsed.limit)
        print(f"Wrote {count} dialogues to {parsed.html}")
        return 0
    if parsed.beside:
        raise UsageError("--beside puts runs on one page: say where it goes with --html FILE.")
    for number, text in enumerate(transcripts(runs[0], parsed.outcome)):
        if number == parsed.limit:
            break
        print(text, end="\n\n")
    return 0
