"""``interplay-bench crossplay``: every user meets every recommender."""

from __future__ import annotations

import argparse

from interplay_bench.cli import options
from interplay_bench.cli.options import names
from interplay_bench.cli.printing import say
from interplay_bench.cli.simulate_command import add_rules


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--users", metavar="A,B", required=True, help="the users' names, separated by commas")
    parser.add_argument("--recommenders", metavar="C,D", required=True, help="the recommenders', likewise")
    options.add_dataset(parser)
    add_rules(parser)
    options.add_settings(parser)
    options.add_output(parser)
    options.add_loudness(parser)
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Simulate the matrix, and print its tables."""
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.simulation.crossplay import crossplay
    from interplay_bench.simulation.simulation_request import SimulationRequest

    for plugin in parsed.plugin:
        load_plugin(plugin)
    users, recommenders = (names(text) for text in (parsed.users, parsed.recommenders))
    request = SimulationRequest(
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
        options.settings(parsed, [*users, *recommenders]),
        parsed.temperature,
        parsed.top_p,
    )
    folder, text = crossplay(
        users, recommenders, request, parsed.output, resume=parsed.resume, progress=options.progress(parsed)
    )
    say(text)
    say(f"\nKept in {folder}, with the heat map crossplay.png")
    return 0
