"""Options that the command line and the pytest plugin share, defined once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.evaluation.settings import DATA, ENGINE

if TYPE_CHECKING:
    from interplay_bench.environment.progress import Progress


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name, what ``add_argument`` (or pytest's ``addoption``) is told about it, and a short form."""

    name: str
    keywords: Mapping[str, Any]
    letter: str = ""

    def declare(self, add: Callable[..., object], prefix: str = "") -> None:
        """Declare it as ``--prefix-name``; the parsed value is then called ``prefix_name``."""
        where = {"dest": f"{prefix}_{self.keywords.get('dest', self.name)}"} if prefix else {}
        names = [f"--{prefix}-{self.name}"] if prefix else [f"--{self.name}"]
        if self.letter and not prefix:
            names.insert(0, f"-{self.letter}")
        add(*names, **{**self.keywords, **where})


def seed(text: str) -> int:
    """The value of ``--seed``: what every generator of random numbers takes, NumPy's being the narrowest."""
    number = int(text) if text.strip().isdecimal() and len(text) < 20 else -1
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 to {(1 << 32) - 1}, not {text!r}")
    return number


def names(text: str) -> list[str]:
    """Names between commas; a path may hold spaces."""
    return [name for name in map(str.strip, text.split(",")) if name]


def _option(name: str, *, letter: str = "", **keywords: Any) -> Option:
    return Option(name, keywords, letter)


def dataset_options(default: str | None = "sample") -> tuple[Option, ...]:
    """Which dialogues to read."""
    named = f" (default: {default})" if default else ""
    return (
        _option("dataset", metavar="D", default=default, help=f"data set by name{named}"),
        _option("data", metavar="PATH", help="its file, folder or hub id (default: the data set's own)"),
        _option("split", metavar="S", default="test", help="train, valid or test (default: test)"),
        _option("catalog", metavar="FILE", help="what there is to recommend, CSV or JSON lines: for plain data"),
        _option("domain", metavar="WORD", help="what the items are (music, book, ...): for plain data"),
        _option("limit", metavar="N", type=int, help="only the first N dialogues"),
    )


FORMATS = ("text", "markdown", "csv", "json", "latex", "html")
"""How a table of runs can be printed."""

PLUGIN = (
    _option("plugin", metavar="FILE", type=Path, action="append", default=[], help="a Python file that registers more"),
)

SETTINGS = (
    _option("seed", metavar="S", type=seed, default=0, help="seed of everything random (default: 0)"),
    _option(
        "set", metavar="K=V", action="append", default=[], dest="settings",
        help="an option of the task, or engine.K=V for one of the model's engine",
    ),
    _option("engine", metavar="KIND", help="what runs the model: transformers, vllm, endpoint, or your own"),
    _option("dtype", metavar="T", help="short for --set engine.dtype=T"),
    _option("device", metavar="X", help="short for --set engine.device=X"),
    _option(
        "trust-remote-code", action="store_const", const="true", dest="trust_remote_code",
        help="run code that comes with a model, as its card asks",
    ),
)  # fmt: skip


ENGINE_SHORT = {"engine": "kind", "dtype": "dtype", "device": "device", "trust_remote_code": "trust_remote_code"}
"""Options that stand for ``--set engine.KEY=VALUE`` where a model's engine has it, and for nothing elsewhere."""
DATA_SHORT = ("catalog", "domain")
"""Options that stand for ``--set data.KEY=VALUE``."""


def output_options(what: str) -> tuple[Option, ...]:
    """Where the run directories go; ``what`` says which that is."""
    return (
        _option("output", letter="o", metavar="DIR", type=typed_path, help=f"{what} (default: a new one in runs/)"),
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


def add_loudness(parser: argparse.ArgumentParser) -> None:
    """How much is said beside the results."""
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="say what was loaded, and what the libraries log")
    loud.add_argument("-q", "--quiet", action="store_true", help="print the results alone: no notes, no progress")


def add_format(parser: argparse.ArgumentParser) -> None:
    """How tables are printed."""
    parser.add_argument(
        "--all", action="store_true", help="all metrics (default: the paper's, or the task's main ones)"
    )
    parser.add_argument(
        "--format", metavar="F", choices=FORMATS, default="text",
        help=f"{', '.join(FORMATS)}; csv and json have a row for each run and metric (default: text)",
    )  # fmt: skip


def progress(parsed: argparse.Namespace) -> Progress:
    """What shows progress, as loud as asked for."""
    from interplay_bench.environment.processes import Processes
    from interplay_bench.environment.progress import bar, silent

    if parsed.verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    return silent if parsed.quiet or not Processes.here().first else bar


def _add(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    for option in options:
        option.declare(parser.add_argument)


def settings(parsed: argparse.Namespace, models: Sequence[str]) -> dict[str, str]:
    """The ``K=V`` texts as a mapping, with the short options in it; of these, only what one of ``models`` takes."""
    pairs = {}
    for text in parsed.settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes K=V, not {text!r}.")
        pairs[key.strip()] = value
    pairs |= {f"{DATA}{key}": value for key, value in of_dataset(parsed).items()}
    engine = {key: getattr(parsed, option, None) for option, key in ENGINE_SHORT.items()}
    engine = {key: value for key, value in engine.items() if value is not None}
    if engine:
        from interplay_bench.simulators.model_spec import taken

        pairs |= {f"{ENGINE}{key}": value for key, value in taken(models, engine).items()}
    return pairs


def of_dataset(parsed: argparse.Namespace) -> dict[str, str]:
    """What a command that has no settings was told of its data set."""
    given = {key: getattr(parsed, key) for key in DATA_SHORT}
    return {key: value for key, value in given.items() if value is not None}
