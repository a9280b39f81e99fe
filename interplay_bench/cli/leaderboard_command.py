"""``interplay-bench leaderboard``: the published records as tables."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interplay_bench.cli.printing import say
from interplay_bench.environment.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    folder = Path("leaderboard")
    parser.add_argument(
        "action", nargs="?", choices=("init",),
        help="init: begin a board in this repository, with a workflow that checks and publishes it",
    )  # fmt: skip
    parser.add_argument("--title", default="Leaderboard", help="init: what the board is called")
    parser.add_argument(
        "--results", metavar="DIR", type=Path, default=folder / "results",
        help="the published records (default: leaderboard/results)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="DIR", type=Path, default=folder, help="where to render (default: leaderboard)"
    )
    parser.add_argument(
        "--paper", metavar="FILE", type=Path,
        help="the paper's tables (default: paper.toml beside the results' folder, else leaderboard/paper.toml)",
    )  # fmt: skip
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="render nothing; exit 1 with a diff if a file is stale")
    how.add_argument("--fidelity", action="store_true", help="print each of the paper's values beside ours")


def execute(parsed: argparse.Namespace) -> int:
    """Render, check or compare."""
    from interplay_bench.leaderboard import board
    from interplay_bench.leaderboard import rendered_files as files

    if parsed.action == "init":
        return _init(parsed.output, parsed.title)
    paper = parsed.paper or _paper(parsed.results)
    if parsed.fidelity:
        return _fidelity(parsed.results, paper)
    with _no_collector():
        rendered = files.render(board.read(parsed.results, parsed.output, paper))
    if not parsed.check:
        files.write(rendered, parsed.output)
        say(f"Rendered in {parsed.output}: {', '.join(rendered)}")
        return 0
    stale = False
    for line in files.differences(rendered, parsed.output):
        stale = True
        say(line)
    say("Stale: run interplay-bench leaderboard." if stale else f"{parsed.output} is up to date.")
    return int(stale)


def _init(folder: Path, title: str) -> int:
    from interplay_bench.leaderboard.new_board import new_board

    for path in new_board(Path(), folder, title):
        say(f"Wrote {path}")
    results = "" if folder == Path("leaderboard") else f" --results {folder / 'results'}"
    rendered = f"{results} --output {folder}" if results else ""
    say(f"Then: interplay-bench publish RUN{results}, and interplay-bench leaderboard{rendered}. Commit all of it.")
    return 0


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without the cycle collector: thousands of records hold no cycles, and walking them takes as long as rendering."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _paper(results: Path) -> Path | None:
    beside = (results.parent / "paper.toml", Path("leaderboard") / "paper.toml")
    return next((path for path in beside if path.is_file()), None)


def _fidelity(results: Path, paper: Path | None) -> int:
    from interplay_bench.leaderboard import reproduction as fidelity
    from interplay_bench.leaderboard import result_record as records
    from interplay_bench.leaderboard.paper import read

    if paper is None:
        raise UsageError("No paper.toml found. Give it with --paper.")
    say(fidelity.render(fidelity.matches(records.load_results(results), read(paper))))
    return 0
