"""``interplay-bench audit``: check the data and the prompts themselves."""

from __future__ import annotations

import argparse

from interplay_bench import options
from interplay_bench.errors import DataError, UsageError

HELP = "check labels and prompts"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the audits."""
    audits = parser.add_subparsers(required=True, metavar="AUDIT")
    labels = audits.add_parser("labels", help="precision and recall of the action rules against human labels")
    options.add_dataset(labels, default="inspired")
    options.add_plugin(labels)
    labels.set_defaults(execute=audit_labels)
    leaks = audits.add_parser("leaks", help="search every rendered prompt for the target's title; exits 1 on a leak")
    options.add_dataset(leaks)
    leaks.add_argument("--model", metavar="M", required=True, help="whose prompts to search")
    options.add_settings(leaks)
    options.add_plugin(leaks)
    leaks.set_defaults(execute=audit_leaks)
    masks = audits.add_parser("masks", help="show and count the tokens that a role learns from; exits 1 if unsound")
    options.add_dataset(masks)
    masks.add_argument("--role", choices=("user", "recommender"), required=True, help="who learns")
    masks.add_argument("--card", metavar="C", default="usersim-smollm2", help="whose tokenizer (default: %(default)s)")
    masks.add_argument("--show", metavar="N", type=int, default=1, help="how many dialogues to print (default: 1)")
    options.add_plugin(masks)
    masks.set_defaults(execute=audit_masks)


def execute(parsed: argparse.Namespace) -> int:
    """Run the chosen audit; each sets its own function."""
    raise NotImplementedError


def audit_labels(parsed: argparse.Namespace) -> int:
    """Print precision and recall per label."""
    from tabulate import tabulate

    from interplay_bench.dataset import Source
    from interplay_bench.label_audit import audit_labels as measure

    _plugins(parsed)
    rows = measure(parsed.dataset, Source(parsed.data, parsed.split), parsed.limit)
    cells = [
        [row.label, _rate(row.precision), _rate(row.recall), _rate(row.prevalence), row.support, row.source]
        for row in rows
    ]
    print(tabulate(cells, ["label", "precision", "recall", "prevalence", "support", "against"], disable_numparse=True))
    return 0


def audit_leaks(parsed: argparse.Namespace) -> int:
    """Print the rate of prompts that name the target, by channel; 1 where persona or attributes do."""
    from tabulate import tabulate

    from interplay_bench import leak_audit, model
    from interplay_bench.runner import first, load

    _plugins(parsed)
    settings = options.settings(parsed)
    engine = options.engine(settings)
    if len(engine) < len(settings):
        raise UsageError(f"This audit has no task to set options of: --set takes {options.ENGINE}K=V alone.")
    found = model.find(parsed.model, engine)
    dialogues = first(load(parsed.dataset, parsed.data, parsed.split).dialogues, parsed.limit)
    aimed = [dialogue for dialogue in dialogues if dialogue.target is not None]
    if not aimed:
        raise DataError(f"No dialogue of {parsed.dataset!r} has a target to look for: choose other data.")
    adapter = found.build(parsed.seed).adapter
    reports = leak_audit.audit_leaks(adapter, aimed)
    adapter.close()
    if not any(report.prompts for report in reports):
        print(f"{parsed.model} reads no prompt: nothing can leak through it.")
        return 0
    kinds = list(reports[0].found)
    rows = [[r.channel, r.prompts, *r.found.values(), r.unprompted, _rate(r.leaks / (r.prompts or 1))] for r in reports]
    headers = ["channel", "prompts", *kinds, "before it was named", "rate"]
    print(tabulate(rows, headers, disable_numparse=True))
    if len(aimed) < len(dialogues):
        print(f"Left out, having no target: {len(dialogues) - len(aimed)} of {len(dialogues)} dialogues.")
    leaking = [report for report in reports if report.leaks and report.channel in leak_audit.FORBIDDEN]
    for report in leaking:
        print(f"LEAK in the {report.channel}, for example {report.example}")
    return 1 if leaking else 0


def audit_masks(parsed: argparse.Namespace) -> int:
    """Print some dialogues with supervised tokens in colour, then the counts of all; 1 where a mask is unsound."""
    from rich.console import Console

    from interplay_bench import mask_audit, model
    from interplay_bench.dialogue import Role
    from interplay_bench.runner import first, load
    from interplay_bench.training.base import load_tokenizer
    from interplay_bench.training.example import Encoder
    from interplay_bench.training.recipe import TrainingRecipe

    _plugins(parsed)
    dialogues = first(load(parsed.dataset, parsed.data, parsed.split).dialogues, parsed.limit)
    recipe = TrainingRecipe.of(model.find(parsed.card).card)
    tokenizer = load_tokenizer(recipe, ("movie", "book"))
    role = Role(parsed.role)
    console = Console(highlight=False)
    for dialogue in dialogues[: parsed.show]:
        for example in Encoder(tokenizer, role, recipe.max_tokens).examples(dialogue):
            console.print(mask_audit.colour(example, role, tokenizer), soft_wrap=True)
    report = mask_audit.audit_masks(dialogues, role, tokenizer, recipe.max_tokens)
    print(report.render())
    return 0 if report.sound else 1


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _plugins(parsed: argparse.Namespace) -> None:
    from interplay_bench import registry

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
