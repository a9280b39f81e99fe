"""``interplay-bench crossplay``: every user meets every recommender."""

from __future__ import annotations

import argparse

from interplay_bench import options
from interplay_bench.commands.simulate import add_rules

HELP = "simulate every pair of users and recommenders, as tables and a heat map"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--users", metavar="A,B", required=True, help="the users' names, separated by commas")
    parser.add_argument("--recommenders", metavar="C,D", required=True, help="the recommenders', likewise")
    options.add_dataset(parser)
    add_rules(parser)
    options.add_settings(parser)
    options.add_output(parser)
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Simulate the matrix, and print its tables."""
    from interplay_bench import registry
    from interplay_bench.interplay.crossplay import crossplay
    from interplay_bench.interplay.request import Request
    from interplay_bench.progress import bar

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    request = Request(
        "",
        "",
        parsed.dataset,
        parsed.data,
        parsed.split,
        parsed.limit,
        parsed.max_turns,
        parsed.seed,
        parsed.decisions,
        parsed.batch,
        options.settings(parsed),
        parsed.temperature,
        parsed.top_p,
    )
    users, recommenders = (_names(text) for text in (parsed.users, parsed.recommenders))
    folder, text = crossplay(users, recommenders, request, parsed.output, resume=parsed.resume, progress=bar)
    print(text)
    print(f"\nKept in {folder}, with the heat map crossplay.png")
    return 0


def _names(text: str) -> list[str]:
    """Names between commas; a path may hold spaces."""
    return [name for name in map(str.strip, text.split(",")) if name]
