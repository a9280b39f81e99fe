"""``interplay-bench simulate``: two simulators talk, and a corpus comes out."""

from __future__ import annotations

import argparse

from interplay_bench.cli import options
from interplay_bench.cli.printing import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--user", metavar="M", required=True, help="the user: a model's name, name:K, or a card's path")
    parser.add_argument("--recommender", metavar="M", required=True, help="the recommender, named likewise")
    options.add_dataset(parser)
    add_rules(parser)
    parser.add_argument(
        "--guided", choices=("catalogue",),
        help="let a fine-tuned recommender name titles of the catalogue alone (default: as its card says)",
    )  # fmt: skip
    options.add_settings(parser)
    options.add_output(parser)
    parser.add_argument(
        "--export", metavar="F", action="append", default=[],
        help="also write the corpus as hf, sharegpt, chatml, pearl, or a plugin's format (may be repeated)",
    )  # fmt: skip
    options.add_loudness(parser)
    options.add_plugin(parser)


def add_rules(parser: argparse.ArgumentParser) -> None:
    """How to simulate."""
    parser.add_argument(
        "--max-turns", metavar="N", type=int, default=20, help="cut a dialogue off after N turns (default: 20)"
    )
    parser.add_argument(
        "--batch", metavar="N", type=int, default=64, help="how many dialogues advance together (default: 64)"
    )
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=float,
        help="how freely language models speak; 0 is greedy (default: as their cards say)",
    )
    parser.add_argument(
        "--top-p", metavar="P", type=float, help="likeliest tokens to draw from, by their share (default: likewise)"
    )
    parser.add_argument(
        "--decisions", action="store_true", help="also record P(accept) after every recommendation (slower)"
    )


def execute(parsed: argparse.Namespace) -> int:
    """Simulate, and print the report."""
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.simulation.data_card import write_data_card
    from interplay_bench.simulation.export import EXPORTS, export
    from interplay_bench.simulation.simulate import simulate
    from interplay_bench.simulation.simulation_report import render
    from interplay_bench.simulation.simulation_request import SimulationRequest

    for plugin in parsed.plugin:
        load_plugin(plugin)
    for name in parsed.export:
        EXPORTS.find(name)  # a misspelt one is found before the work, not after
    request = SimulationRequest(
        parsed.user,
        parsed.recommender,
        parsed.dataset,
        parsed.data,
        parsed.split,
        parsed.limit,
        parsed.max_turns,
        parsed.seed,
        parsed.decisions,
        parsed.batch,
        options.settings(parsed, (parsed.user, parsed.recommender)),
        parsed.temperature,
        parsed.top_p,
        parsed.guided,
    )
    run = simulate(request, parsed.output, resume=parsed.resume, progress=options.progress(parsed))
    write_data_card(run)
    say(render(run))
    for name in parsed.export:
        say(f"Exported as {name} in {export(run, name)}")
    say(f"Kept in {run.folder}: interplay-bench show {run.folder} [--html page.html]")
    return 0
