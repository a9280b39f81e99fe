"""What the documentation takes from the code when it is built: commands, metrics, cards."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MARKER = re.compile(r"^<!-- (\w+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put what is generated in the place of its marker."""
    return MARKER.sub(lambda found: GENERATED[found[1]]() if found[1] in GENERATED else found[0], markdown)


def commands() -> str:
    """Every command with its options, from the parser itself."""
    from interplay_bench.cli.commands import COMMANDS, add_command

    parser = argparse.ArgumentParser(prog="interplay-bench")
    made = parser.add_subparsers()
    for name in COMMANDS:
        add_command(made, name, whole=True)
    return "\n\n".join(_command(name, sub) for name, sub in made.choices.items())


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    inner = [_command(f"{name} {each}", sub) for action in nested for each, sub in action.choices.items()]
    shown = f"## `{name}`\n\n```text\n{parser.format_help().rstrip()}\n```"
    return "\n\n".join([shown, *inner])


def metrics() -> str:
    """Every metric of every task: what it is, which way is better."""
    from interplay_bench.evaluation.task import TASKS

    parts = []
    for name, task in TASKS.all().items():
        rows = [f"| {metric.name} | {_cell(metric.summary)} |" for metric in task.metrics]
        about = (task.__doc__ or "").strip().partition("\n")[0]
        parts.append("\n".join([f"## `{name}`", "", about, "", "| metric | what it is |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def engines() -> str:
    """The options of each kind of engine."""
    from interplay_bench.engines.engine_entry import ENGINES

    return "\n\n".join(
        f'## `kind = "{name}"`\n\n{entry.summary}\n\n{_docstring(entry.settings)}\n\n{_options(entry.settings)}'
        for name, entry in ENGINES.all().items()
    )


def _docstring(settings: type) -> str:
    text = re.sub(r"\n +", "\n", (settings.__doc__ or "").strip())
    return text.replace("``", "`")


def _options(settings: type) -> str:
    return "\n".join(
        ["| option | default |", "|---|---|", *(f"| `{n}` | {_cell(d)} |" for n, d in _defaults(settings))]
    )


def _defaults(settings: type) -> Iterator[tuple[str, str]]:
    known = getattr(settings, "model_fields", None)
    if known is not None:
        for name, info in known.items():
            yield name, "required" if info.is_required() else repr(info.get_default(call_default_factory=True))
        return
    for each in dataclasses.fields(settings):
        default = each.default if each.default is not dataclasses.MISSING else each.default_factory
        if default is dataclasses.MISSING:
            yield each.name, "required"
        else:
            value = default() if callable(default) else default
            yield each.name, repr(getattr(value, "default", value))


def cards() -> str:
    """The shipped cards, as they are."""
    from importlib.resources import files

    found = sorted(files("interplay_bench.models.cards").iterdir(), key=lambda file: file.name)
    texts = [file for file in found if file.name.endswith(".toml")]
    return "\n\n".join(f"### `{Path(f.name).stem}`\n\n```toml\n{f.read_text('utf-8').strip()}\n```" for f in texts)


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


GENERATED: dict[str, Callable[[], str]] = {"commands": commands, "metrics": metrics, "engines": engines, "cards": cards}
