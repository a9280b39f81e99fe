"""Options that several front ends share, defined once."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench.errors import UsageError


def add_dataset(parser: argparse.ArgumentParser, *, default: str | None = "sample") -> None:
    """Which dialogues to read."""
    named = f" (default: {default})" if default else ""
    parser.add_argument("--dataset", metavar="D", default=default, help=f"data set by name{named}")
    parser.add_argument("--data", metavar="PATH", help="its file, folder or hub id (default: the data set's own)")
    parser.add_argument("--split", metavar="S", default="test", help="train, valid or test (default: test)")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N dialogues")


def add_plugin(parser: argparse.ArgumentParser) -> None:
    """A user's own file of tasks, adapters and data sets."""
    parser.add_argument(
        "--plugin", metavar="FILE", type=Path, action="append", default=[], help="a Python file that registers more"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Options of the task and of the model's engine, seed included."""
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="seed of everything random (default: 0)")
    parser.add_argument(
        "--set", metavar="K=V", action="append", default=[], dest="settings",
        help="an option of the task, or engine.K=V for one of the model's engine",
    )  # fmt: skip
    parser.add_argument("--dtype", metavar="T", help="short for --set engine.dtype=T")
    parser.add_argument("--device", metavar="X", help="short for --set engine.device=X")


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
