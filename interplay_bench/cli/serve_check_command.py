"""``interplay-bench serve-check``: what a server can do of all that a run relies on, and the card to use."""

from __future__ import annotations

import argparse

from interplay_bench.cli.printing import note, say

MARKS = {True: "yes", False: "no", None: "?"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("url", metavar="URL", help="the server's address, such as http://localhost:8000/v1")
    parser.add_argument("--model", metavar="NAME", default="*", help="its model (default: the only one that it has)")
    parser.add_argument("--role", choices=("user", "recommender"), default="user", help="the role of a fine-tuned one")
    parser.add_argument("--api-key-env", metavar="VARIABLE", default="OPENAI_API_KEY", help="where its key is")


def execute(parsed: argparse.Namespace) -> int:
    """Print what was found and the card; 1 where no run can be made."""
    from tabulate import tabulate

    from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
    from interplay_bench.engines.endpoint.server_check import check_server
    from interplay_bench.environment.errors import UsageError
    from interplay_bench.environment.validation import validated
    from interplay_bench.simulators.bare_model import card_text
    from interplay_bench.simulators.card import ModelCard

    given = {"model": parsed.model, "base_url": parsed.url, "api_key_env": parsed.api_key_env}
    report = check_server(validated(EndpointSettings, given, "In the address and model", error=UsageError))
    say(tabulate([(each.name, MARKS[each.works], each.said) for each in report.findings], tablefmt="plain"))
    if not report.usable:
        note("No run can be made with this server as it is: see above.")
        return 1
    engine = {"kind": "endpoint", **given, "model": report.model}
    if parsed.api_key_env == "OPENAI_API_KEY":
        del engine["api_key_env"]
    card = ModelCard(
        name=report.model,
        adapter="finetuned" if report.fine_tuned else "zero-shot",
        summary=f"{report.model}, served",
        engine=engine,
        train={"role": parsed.role} if report.fine_tuned else {},
    )
    say(f"\nThe card to use, in a file whose name ends in .toml:\n\n{card_text(card)}", end="")
    return 0
