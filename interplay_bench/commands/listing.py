"""``interplay-bench list``: what there is by name."""

from __future__ import annotations

import argparse

from interplay_bench import options

HELP = "list tasks, models, data sets and metrics"
KINDS = ("tasks", "models", "datasets", "metrics")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kind", nargs="?", choices=KINDS, help="only this kind")
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Print names with one line about each."""
    from interplay_bench import registry

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    for kind in [parsed.kind] if parsed.kind else KINDS:
        entries = _entries(kind)
        width = max(map(len, entries), default=0)
        print(f"{kind}:")
        for name, summary in entries.items():
            print(f"  {name:<{width}}  {summary}".rstrip())
    return 0


def _entries(kind: str) -> dict[str, str]:
    from interplay_bench import registry

    if kind == "tasks":
        return {name: task.summary() for name, task in registry.tasks().items()}
    if kind == "models":
        return registry.models()
    if kind == "datasets":
        return {name: f"{entry.summary} [{', '.join(entry.splits)}]" for name, entry in registry.datasets().items()}
    by: dict[str, list[str]] = {}
    for name, task in registry.tasks().items():
        for metric in task.metrics:
            by.setdefault(metric, []).append(name)
    return {metric: f"by {', '.join(tasks)}" for metric, tasks in by.items()}
