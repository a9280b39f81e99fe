"""``interplay-bench check-data``: what a loader understands of a file, guesses, and drops."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from interplay_bench.cli import options
from interplay_bench.cli.printing import say

SHOWN = 3
"""How many dialogues are shown as a simulator would see them."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="a file or folder of dialogues, as --data takes it")
    options.add_dataset(parser, default=None)
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print a line a dialogue, the counts, and the first dialogues; an unreadable record is an error."""
    from tabulate import tabulate

    from interplay_bench.audits.data_report import as_seen, data_counts, dialogue_lines
    from interplay_bench.datasets.load import first_dialogues, load_dataset
    from interplay_bench.environment.errors import UsageError
    from interplay_bench.plugins.plugin_file import load_plugin

    for plugin in parsed.plugin:
        load_plugin(plugin)
    if parsed.file is not None and parsed.data is not None:
        raise UsageError("The file was given twice: by itself, and by --data.")
    place = parsed.file if parsed.file is not None else parsed.data
    if place is None and parsed.dataset is None:
        raise UsageError("Name a file of dialogues, or a data set by --dataset.")
    name = parsed.dataset or _kind(Path(place))
    data = load_dataset(name, place, parsed.split, options.of_dataset(parsed))
    first_dialogues(data.dialogues, parsed.limit)  # a limit below 1 is an error
    rows = [
        [line.id, line.turns, line.target, line.proposals, line.accepted, line.rejected, _listed(line.guessed)]
        for line in list(dialogue_lines(data))[: parsed.limit]
    ]
    headers = ["dialogue", "turns", "target", "proposals", "accepted", "rejected", "guessed"]
    say(tabulate(rows, headers, disable_numparse=True))
    report = data.preprocessing
    say("\nUnderstood:\n" + tabulate(list(data_counts(data).items()), tablefmt="plain"))
    for title, counts in (
        ("Guessed or repaired", report.repairs),
        ("Dialogues dropped", report.dropped),
        ("Turns dropped", report.turns_dropped),
    ):
        said = tabulate(sorted(counts.items()), tablefmt="plain") if counts else "nothing"
        say(f"\n{title}:\n{said}")
    for dialogue in data.dialogues[:SHOWN]:
        say(f"\nAs a user simulator sees it: {dialogue.id}\n{as_seen(dialogue)}")
    return 0


def _listed(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in sorted(counts.items()))


def _kind(place: Path) -> str:
    """The data set that reads such a file: by what it is called, and of a folder by what lies in it."""
    if place.suffix.lower() == ".csv" or (place.is_dir() and list(place.glob("*.csv"))):
        return "csv"
    saved = ("dataset_info.json", "dataset_dict.json", "state.json")
    return "huggingface" if any((place / name).is_file() for name in saved) else "jsonl"
