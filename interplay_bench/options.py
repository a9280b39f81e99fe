"""Options that the command line and the pytest plugin share, defined once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interplay_bench.errors import UsageError
from interplay_bench.paths import typed_path


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name, and what ``add_argument`` (or pytest's ``addoption``) is told about it."""

    name: str
    keywords: Mapping[str, Any]

    def declare(self, add: Callable[..., object], prefix: str = "") -> None:
        """Declare it as ``--prefix-name``; the parsed value is then called ``prefix_name``."""
        where = {"dest": f"{prefix}_{self.keywords.get('dest', self.name)}"} if prefix else {}
        add(f"--{prefix}-{self.name}" if prefix else f"--{self.name}", **{**self.keywords, **where})


def _seed(text: str) -> int:
    seed = int(text) if text.strip().isdecimal() else -1
    if seed < 0:
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on, not {text!r}")
    return seed


def _option(name: str, **keywords: Any) -> Option:
    return Option(name, keywords)


def dataset_options(default: str | None = "sample") -> tuple[Option, ...]:
    """Which dialogues to read."""
    named = f" (default: {default})" if default else ""
    return (
        _option("dataset", metavar="D", default=default, help=f"data set by name{named}"),
        _option("data", metavar="PATH", help="its file, folder or hub id (default: the data set's own)"),
        _option("split", metavar="S", default="test", help="train, valid or test (default: test)"),
        _option("limit", metavar="N", type=int, help="only the first N dialogues"),
    )


PLUGIN = (
    _option("plugin", metavar="FILE", type=Path, action="append", default=[], help="a Python file that registers more"),
)

SETTINGS = (
    _option("seed", metavar="S", type=_seed, default=0, help="seed of everything random (default: 0)"),
    _option(
        "set", metavar="K=V", action="append", default=[], dest="settings",
        help="an option of the task, or engine.K=V for one of the model's engine",
    ),
    _option("dtype", metavar="T", help="short for --set engine.dtype=T"),
    _option("device", metavar="X", help="short for --set engine.device=X"),
)  # fmt: skip


def output_options(what: str) -> tuple[Option, ...]:
    """Where the run directories go; ``what`` says which that is."""
    return (
        _option("output", metavar="DIR", type=typed_path, help=f"{what} (default: a new one in runs/)"),
        _option("resume", action="store_true", help="go on with what was interrupted in --output"),
    )


def add_dataset(parser: argparse.ArgumentParser, *, default: str | None = "sample") -> None:
    """Which dialogues to read."""
    _add(parser, dataset_options(default))


def add_plugin(parser: argparse.ArgumentParser) -> None:
    """A user's own file of tasks, adapters and data sets."""
    _add(parser, PLUGIN)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Options of the task and of the model's engine, seed included."""
    _add(parser, SETTINGS)


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where the run's directory goes."""
    _add(parser, output_options("the run's directory"))


def _add(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    for option in options:
        option.declare(parser.add_argument)


def settings(parsed: argparse.Namespace) -> dict[str, str]:
    """The ``K=V`` texts as a mapping."""
    pairs = {}
    for text in parsed.settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes K=V, not {text!r}.")
        pairs[key.strip()] = value
    for key in ("dtype", "device"):
        if getattr(parsed, key) is not None:
            pairs[f"engine.{key}"] = getattr(parsed, key)
    return pairs


ENGINE = "engine."


def engine(settings: dict[str, str]) -> dict[str, str]:
    """Those of the settings that belong to the model's engine: ``engine.dtype=float32``."""
    return {key.removeprefix(ENGINE): value for key, value in settings.items() if key.startswith(ENGINE)}
