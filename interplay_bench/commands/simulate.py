"""``interplay-bench simulate``: two simulators talk, and a corpus comes out."""

from __future__ import annotations

import argparse

from interplay_bench import options

HELP = "let a user and a recommender talk, and keep their dialogues"
FORMATS = ("hf", "sharegpt", "chatml", "pearl")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--user", metavar="M", required=True, help="the user: a model's name, name:K, or a card's path")
    parser.add_argument("--recommender", metavar="M", required=True, help="the recommender, named likewise")
    options.add_dataset(parser)
    add_rules(parser)
    options.add_settings(parser)
    options.add_output(parser)
    parser.add_argument(
        "--export", metavar="F", action="append", default=[], choices=FORMATS,
        help=f"also write the corpus as {', '.join(FORMATS)} (may be repeated)",
    )  # fmt: skip
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
    from interplay_bench import registry
    from interplay_bench.interplay.data_card import write_data_card
    from interplay_bench.interplay.export import export
    from interplay_bench.interplay.report import render
    from interplay_bench.interplay.request import Request
    from interplay_bench.interplay.session import simulate
    from interplay_bench.progress import bar

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    request = Request(
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
        options.settings(parsed),
        parsed.temperature,
        parsed.top_p,
    )
    run = simulate(request, parsed.output, resume=parsed.resume, progress=bar)
    write_data_card(run)
    print(render(run))
    for name in parsed.export:
        print(f"Exported as {name} in {export(run, name)}")
    print(f"Kept in {run.folder}: interplay-bench show {run.folder} [--html page.html]")
    return 0
