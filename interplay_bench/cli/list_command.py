"""``interplay-bench list``: what there is by name; of one kind, with options, defaults and an example each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from interplay_bench.cli import options
from interplay_bench.cli.printing import say


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing by name: a line about it, what can be set of it (with defaults), and a command that uses it."""

    summary: str
    options: tuple[str, ...] = ()
    example: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kind", nargs="?", choices=tuple(KINDS), help="only this kind, with options and examples")
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print names with one line about each, or all about one kind."""
    from interplay_bench.plugins.plugin_file import load_plugin

    for plugin in parsed.plugin:
        load_plugin(plugin)
    for kind in [parsed.kind] if parsed.kind else KINDS:
        entries = KINDS[kind]()
        width = max(map(len, entries), default=0)
        say(f"{kind}:")
        for name, entry in entries.items():
            say(f"  {name:<{width}}  {entry.summary}".rstrip())
            if parsed.kind:
                _details(entry, " " * (width + 4))
    if not parsed.kind:
        say("Options, defaults and an example of each: interplay-bench list tasks (or models, datasets, metrics).")
    return 0


def _details(entry: Entry, margin: str) -> None:
    for option in entry.options:
        say(f"{margin}{option}")
    if entry.example:
        say(f"{margin}interplay-bench {entry.example}")


def _tasks() -> dict[str, Entry]:
    from interplay_bench.evaluation.task import TASKS

    models = {"user": "usersim-smollm2", "recommender": "recsim-smollm2"}
    return {
        name: Entry(
            task.summary(),
            tuple(f"--set {option}" for option in _settable(task.Options)),
            f"run --task {name} --model {models[task.role]}"
            + "".join(f" --set {f.name}=VALUE" for f in fields(task.Options) if not _has_default(f)),
        )
        for name, task in TASKS.all().items()
    }


def _models() -> dict[str, Entry]:
    from interplay_bench.dialogues.dialogue import Role
    from interplay_bench.simulators.adapter import ADAPTERS
    from interplay_bench.simulators.card import shipped_cards
    from interplay_bench.simulators.model_spec import model_summaries

    found, adapters, cards = {}, ADAPTERS.all(), shipped_cards()
    for name, summary in model_summaries().items():
        card = cards.get(name, {})
        adapter = adapters[card.get("adapter", name)]
        trained = card.get("train", {}).get("role")
        roles = {trained} if trained else getattr(adapter, "roles", {Role.USER})
        task = "user_multiturn" if Role.USER in roles else "recommender"
        typed = f"{name}:{adapter.example}" if adapter.example else name
        engine = card.get("engine", {})
        settable = (f"--set engine.{_given(engine)}",) if engine else ()
        found[name] = Entry(summary, settable, f"run --task {task} --model {typed}")
    return found


def _given(engine: Mapping[str, Any]) -> str:
    return ", engine.".join(f"{key}={value}" for key, value in engine.items() if not isinstance(value, dict))


def _datasets() -> dict[str, Entry]:
    from interplay_bench.datasets.dataset_entry import DATASETS

    return {
        name: Entry(
            f"{entry.summary} [{', '.join(entry.splits)}]",
            tuple(f"--{option} ..." for option in entry.options),
            f"run --task user_multiturn --model oracle --dataset {name}" + ("" if name == "sample" else " --data PATH"),
        )
        for name, entry in DATASETS.all().items()
    }


def _metrics() -> dict[str, Entry]:
    from interplay_bench.evaluation.task import TASKS

    by: dict[str, list[str]] = {}
    first: dict[str, Any] = {}
    for name, task in TASKS.all().items():
        for metric in task.all_metrics():
            first.setdefault(metric.name, metric)
            if name not in by.setdefault(metric.name, []):
                by[metric.name].append(name)
    better = {"higher": "higher is better", "lower": "lower is better", None: "neither way is better"}
    return {
        name: Entry(
            f"{metric.summary}; by {', '.join(by[name])}",
            (f"{better[metric.direction]}; shown {'by default' if metric.main else 'with --all'}",),
            f"run --task {by[name][0]} --model MODEL" + ("" if metric.main else " --all"),
        )
        for name, metric in first.items()
    }


KINDS: Mapping[str, Callable[[], dict[str, Entry]]] = {
    "tasks": _tasks,
    "models": _models,
    "datasets": _datasets,
    "metrics": _metrics,
}


def _settable(options_type: type) -> list[str]:
    """A task's options with their values and defaults: ``history=gold|self (default: gold)``."""
    kinds = get_type_hints(options_type)
    return [
        f"{f.name}={_values(kinds[f.name])}{f' (default: {_default(f)})' if _has_default(f) else ' (needed)'}"
        for f in fields(options_type)
    ]


def _values(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return "true|false" if kind is bool else getattr(kind, "__name__", str(kind)).upper()


def _has_default(option: Field[Any]) -> bool:
    return option.default is not MISSING or option.default_factory is not MISSING


def _default(option: Field[Any]) -> str:
    factory = option.default_factory
    value = factory() if factory is not MISSING else option.default
    return str(value).lower() if isinstance(value, bool) else str(value) or "none"
