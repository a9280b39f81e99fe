"""``interplay-bench validate``: what each number is worth, on data that has people's labels."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.cli import options
from interplay_bench.cli.printing import note, say
from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.paths import typed_path

if TYPE_CHECKING:
    from interplay_bench.audits.validity.validation import Validation

ARENA = "crsarena"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    options.add_dataset(parser, default=None)
    parser.add_argument("--runs", metavar="DIR", type=Path, nargs="+", default=[], help="user_multiturn runs over it")
    parser.add_argument(
        "--match-score", metavar="M", default="auto", help="the scorer's folder, off, or auto (default: auto)"
    )
    parser.add_argument("--seed", metavar="S", type=options.seed, default=0, help="seed of draws and intervals (0)")
    parser.add_argument("-o", "--output", metavar="DIR", type=typed_path, help="also write a page, figures, a picture")
    parser.add_argument("--format", metavar="F", choices=options.FORMATS, default="text", help="of what is printed")
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print the tables; with ``--output``, write the page too."""
    from interplay_bench.audits.validity.figure import long_rows
    from interplay_bench.audits.validity.page import write_page
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.reports.table_formats import render_rows, render_tables

    for plugin in parsed.plugin:
        load_plugin(plugin)
    if parsed.dataset is None:
        raise UsageError(f"Name the data by --dataset: redial, sgd, cpcd and others with labels, or {ARENA}.")
    found = _arena(parsed) if parsed.dataset == ARENA else _labelled(parsed)
    if parsed.format in ("csv", "json"):
        say(render_rows(long_rows(found.tables), parsed.format))
    else:
        say(render_tables([table.rendered() for table in found.tables], parsed.format))
    if parsed.output:
        write_page(parsed.output, parsed.dataset, found, _command(parsed))
        note(f"Written to {parsed.output}.")
    return 0


def _labelled(parsed: argparse.Namespace) -> Validation:
    """Match Score and decisions, of a data set in which people say what they like or take."""
    from interplay_bench.audits.validity.validation import validate
    from interplay_bench.datasets.load import item_catalog, load_dataset

    data = load_dataset(parsed.dataset, parsed.data, parsed.split, options.of_dataset(parsed))
    catalog = item_catalog(data, parsed.data)
    return validate(catalog, parsed.runs, parsed.limit, parsed.match_score, parsed.seed)


def _arena(parsed: argparse.Namespace) -> Validation:
    """Metrics of dialogues against people's ranking of systems."""
    from interplay_bench.audits.validity.validation import Validation
    from interplay_bench.study.arena.arena_dialogues import read_arena, read_simulated
    from interplay_bench.study.arena.system_ranking import ranking_validity

    folders = options.names(parsed.data or "")
    if not 1 <= len(folders) <= 2 or parsed.runs:
        raise UsageError(
            f"{ARENA} takes --data CRSARENA-DIAL[,USERSIMCRS], its folder and that of simulators; no --runs."
        )
    arena = read_arena(typed_path(folders[0]))
    simulated = read_simulated(typed_path(folders[1]), arena.systems) if len(folders) == 2 else {}
    return Validation(tuple(ranking_validity(arena, simulated, parsed.seed)))


def _command(parsed: argparse.Namespace) -> str:
    """What was asked for, to stand on the page; folders are the reader's own, so their names alone."""
    words = ["interplay-bench", "validate", "--dataset", parsed.dataset]
    if parsed.data:
        words += ["--data", ",".join(Path(part).name for part in options.names(parsed.data))]
    words += ["--split", parsed.split] if parsed.split != "test" else []
    words += ["--limit", str(parsed.limit)] if parsed.limit else []
    words += ["--runs", *(folder.name for folder in parsed.runs)] if parsed.runs else []
    words += ["--match-score", Path(parsed.match_score).name] if parsed.match_score != "auto" else []
    words += ["--seed", str(parsed.seed)] if parsed.seed else []
    return shlex.join(words)
