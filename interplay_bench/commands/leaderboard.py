"""``interplay-bench leaderboard``: the published records as tables."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interplay_bench.errors import UsageError

HELP = "render the published records and the paper's numbers as tables"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    folder = Path("leaderboard")
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
    from interplay_bench.leaderboard import board, files

    paper = parsed.paper or _paper(parsed.results)
    if parsed.fidelity:
        return _fidelity(parsed.results, paper)
    with _no_collector():
        rendered = files.render(board.read(parsed.results, parsed.output, paper))
    if not parsed.check:
        files.write(rendered, parsed.output)
        print(f"Rendered in {parsed.output}: {', '.join(rendered)}")
        return 0
    stale = False
    for line in files.differences(rendered, parsed.output):
        stale = True
        print(line)
    print("Stale: run interplay-bench leaderboard." if stale else f"{parsed.output} is up to date.")
    return int(stale)


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
    from interplay_bench.leaderboard import fidelity, records
    from interplay_bench.leaderboard.paper import read

    if paper is None:
        raise UsageError("No paper.toml found. Give it with --paper.")
    print(fidelity.render(fidelity.matches(records.load(results), read(paper))))
    return 0
