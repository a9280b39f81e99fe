"""``interplay-bench audit``: check the data and the prompts themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench.cli import options
from interplay_bench.cli.printing import say
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.evaluation.settings import ENGINE, data_options, engine_options, task_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the audits."""
    audits = parser.add_subparsers(required=True, metavar="AUDIT")
    labels = audits.add_parser("labels", help="precision and recall of the action rules against human labels")
    options.add_dataset(labels, default="inspired")
    labels.add_argument(
        "--labels", metavar="L", default="rules",
        help="whose accept and reject: rules, cross-fitted, or the FILE that --fit wrote (default: rules)",
    )  # fmt: skip
    labels.add_argument("--fit", metavar="FILE", type=Path, help="fit a labeller on this data and write its weights")
    options.add_plugin(labels)
    labels.set_defaults(execute=audit_labels)
    leaks = audits.add_parser("leaks", help="search every rendered prompt for the target's title; exits 1 on a leak")
    options.add_dataset(leaks)
    leaks.add_argument("--model", metavar="M", required=True, help="whose prompts to search")
    options.add_settings(leaks)
    options.add_plugin(leaks)
    leaks.set_defaults(execute=audit_leaks)
    attributes = audits.add_parser("attributes", help="how often what a persona looks for singles out the target")
    options.add_dataset(attributes)
    options.add_settings(attributes)
    options.add_plugin(attributes)
    attributes.set_defaults(execute=audit_attributes)
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

    from interplay_bench.audits.label_audit import audit_labels as measure
    from interplay_bench.audits.label_audit import fit_labels
    from interplay_bench.dialogues.dialogue_set import Source

    _plugins(parsed)
    source = Source(parsed.data, parsed.split, options.of_dataset(parsed))
    if parsed.fit:
        fit_labels(parsed.dataset, source, parsed.limit).write(parsed.fit)
        say(f"Wrote {parsed.fit}, which carries the licence of {parsed.dataset}.")
        return 0
    rows = measure(parsed.dataset, source, parsed.limit, parsed.labels)
    cells = [
        [row.label, _rate(row.precision), _interval(row.intervals[0]), _rate(row.recall), _interval(row.intervals[1]),
         _rate(row.prevalence), row.support, row.source]
        for row in rows
    ]  # fmt: skip
    headers = ["label", "precision", "95%", "recall", "95%", "prevalence", "support", "against"]
    say(tabulate(cells, headers, disable_numparse=True))
    return 0


def audit_leaks(parsed: argparse.Namespace) -> int:
    """Print the rate of prompts that name the target, by channel; 1 where persona, history or attributes do."""
    from tabulate import tabulate

    from interplay_bench.audits import leak_audit
    from interplay_bench.datasets.load import first_dialogues, load_dataset
    from interplay_bench.simulators import model_spec as model

    _plugins(parsed)
    settings = options.settings(parsed, (parsed.model,))
    engine = engine_options(settings)
    if task_options(settings):
        raise UsageError(f"This audit has no task to set options of: --set takes {ENGINE}K=V alone.")
    found = model.find(parsed.model, engine)
    source = load_dataset(parsed.dataset, parsed.data, parsed.split, data_options(settings))
    dialogues = first_dialogues(source.dialogues, parsed.limit)
    aimed = [dialogue for dialogue in dialogues if dialogue.target is not None]
    if not aimed:
        raise DataError(f"No dialogue of {parsed.dataset!r} has a target to look for: choose other data.")
    adapter = found.build(parsed.seed).adapter
    reports = leak_audit.audit_leaks(adapter, aimed)
    adapter.close()
    if not any(report.prompts for report in reports):
        say(f"{parsed.model} reads no prompt: nothing can leak through it.")
        return 0
    kinds = list(reports[0].found)
    rows = [[r.channel, r.prompts, *r.found.values(), r.unprompted, _rate(r.leaks / (r.prompts or 1))] for r in reports]
    headers = ["channel", "prompts", *kinds, "before it was named", "rate"]
    say(tabulate(rows, headers, disable_numparse=True))
    if len(aimed) < len(dialogues):
        say(f"Left out, having no target: {len(dialogues) - len(aimed)} of {len(dialogues)} dialogues.")
    leaking = [report for report in reports if report.leaks and report.channel in leak_audit.FORBIDDEN]
    for report in leaking:
        say(f"LEAK in the {report.channel}, for example {report.example}")
    return 1 if leaking else 0


def audit_attributes(parsed: argparse.Namespace) -> int:
    """Print, by what the attributes tell, how often the target alone fits."""
    from tabulate import tabulate

    from interplay_bench.audits.attribute_audit import audit_attributes as measure
    from interplay_bench.datasets.load import first_dialogues, item_catalog, load_dataset

    _plugins(parsed)
    source = load_dataset(parsed.dataset, parsed.data, parsed.split, data_options(options.settings(parsed, ())))
    rows = measure(first_dialogues(source.dialogues, parsed.limit), item_catalog(source, parsed.data))
    cells = [
        [row.what, row.told, row.singled_out, _rate(row.singled_out / row.told if row.told else None), row.fitting]
        for row in rows
    ]
    headers = ["what the attributes tell", "dialogues", "target alone fits", "rate", "median items that fit"]
    say(tabulate(cells, headers, disable_numparse=True, missingval="-"))
    return 0


def audit_masks(parsed: argparse.Namespace) -> int:
    """Print some dialogues with supervised tokens in colour, then the counts of all; 1 where a mask is unsound."""
    from rich.console import Console

    from interplay_bench.audits import mask_audit
    from interplay_bench.datasets.load import first_dialogues, load_dataset
    from interplay_bench.dialogues.dialogue import Role
    from interplay_bench.simulators import model_spec as model
    from interplay_bench.training.role_example import ExampleEncoder
    from interplay_bench.training.trainable_model import load_tokenizer
    from interplay_bench.training.training_recipe import TrainingRecipe

    _plugins(parsed)
    source = load_dataset(parsed.dataset, parsed.data, parsed.split, options.of_dataset(parsed))
    dialogues = first_dialogues(source.dialogues, parsed.limit)
    recipe = TrainingRecipe.of(model.find(parsed.card).card)
    tokenizer = load_tokenizer(recipe, ("movie", "book"))
    role = Role(parsed.role)
    console = Console(highlight=False)
    for dialogue in dialogues[: parsed.show]:
        for example in ExampleEncoder(tokenizer, role, recipe.max_tokens).examples(dialogue):
            console.print(mask_audit.colour(example, role, tokenizer), soft_wrap=True)
    report = mask_audit.audit_masks(dialogues, role, tokenizer, recipe.max_tokens)
    say(report.render())
    return 0 if report.sound else 1


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _interval(bounds: tuple[float, float]) -> str:
    return f"[{bounds[0]:.2f}, {bounds[1]:.2f}]"


def _plugins(parsed: argparse.Namespace) -> None:
    from interplay_bench.plugins.plugin_file import load_plugin

    for plugin in parsed.plugin:
        load_plugin(plugin)
