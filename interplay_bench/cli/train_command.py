"""``interplay-bench train``: make a card's checkpoint from dialogues."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.cli import options
from interplay_bench.cli.printing import say
from interplay_bench.environment.errors import UsageError

if TYPE_CHECKING:
    from interplay_bench.simulators.card import ModelCard
    from interplay_bench.simulators.trainable import Trainable


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("card", metavar="CARD", help="a card with a [train] table, by name or path")
    parser.add_argument(
        "--data", metavar="[D=]PATH", action="append", default=[],
        help="where a data set lies: its file, folder or hub id (default: the data set's own place)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="DIR", type=Path, help="the checkpoint's folder (default: checkpoints/CARD)"
    )
    parser.add_argument(
        "--set", metavar="K=V", action="append", default=[], dest="settings", help="another value of a recipe's key"
    )
    parser.add_argument(
        "--seed", metavar="S", type=options.seed, default=0, help="seed of everything random (default: 0)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted training in --output")
    parser.add_argument("--dry-run", action="store_true", help="print memory, steps, tokens and hours; train nothing")
    parser.add_argument(
        "--mfu", metavar="F", type=float, default=0.4, help="--dry-run: share of the peak that is reached"
    )
    parser.add_argument("--peak", metavar="TFLOPS", type=float, default=312.0,
                        help="--dry-run: a device's peak, in bf16 (default: 312, an A100)")  # fmt: skip
    options.add_plugin(parser)


def execute(parsed: argparse.Namespace) -> int:
    """Train, or print the plan."""
    from interplay_bench.environment.processes import Processes
    from interplay_bench.environment.progress import bar, silent
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.simulators import model_spec as model
    from interplay_bench.simulators.trainable import Trainable
    from interplay_bench.training.examples import places
    from interplay_bench.training.training_recipe import TrainingRecipe

    for plugin in parsed.plugin:
        load_plugin(plugin)
    named = model.find(parsed.card)
    card = named.card
    if isinstance(named.adapter, Trainable):
        return _train_by_adapter(named.adapter, card, parsed)
    recipe = TrainingRecipe.of(card, _settings(parsed.settings))
    data = places(parsed.data, recipe)
    if parsed.dry_run:
        from interplay_bench.training.training_plan import plan

        say(plan(card.name, recipe, data, mfu=parsed.mfu, peak=parsed.peak * 1e12, seed=parsed.seed).render())
        return 0
    from interplay_bench.dialogues.dialogue import Role
    from interplay_bench.training.checkpointing import FOLDER as STATE
    from interplay_bench.training.training_run import Session, train

    session = Session(card.name, recipe, data, parsed.seed, command(parsed))
    first = Processes.here().first
    folder = train(session, parsed.output, resume=parsed.resume, progress=bar if first else silent)
    if first:
        task = "user_multiturn" if recipe.role is Role.USER else "recommender"
        name = next((name for name in reversed(recipe.dataset) if name in data), recipe.dataset[-1])
        say(_kept(folder, parsed, task, ["--dataset", name, *(["--data", data[name]] if name in data else [])]))
        if (folder / STATE).is_dir():
            say("It ended at max_steps: the same command with --resume and more of them continues it.")
    return 0


def _train_by_adapter(adapter: Trainable, card: ModelCard, parsed: argparse.Namespace) -> int:
    """Let an adapter that has a training of its own do it."""
    from interplay_bench.environment.progress import bar
    from interplay_bench.simulators.trainable import TrainingRequest

    if parsed.dry_run:
        raise UsageError(f"--dry-run plans fine-tunings, and {parsed.card!r} has a training of its own: leave it out.")
    request = TrainingRequest(
        card, _settings(parsed.settings), tuple(parsed.data), parsed.output, parsed.seed, parsed.resume, command(parsed)
    )
    folder = adapter.train(request, bar)
    say(_kept(folder, parsed, "recommender"))
    return 0


def _kept(folder: Path, parsed: argparse.Namespace, task: str, data: Sequence[str] = ()) -> str:
    """Where the weights are, and the command that evaluates them and no others, on the test split of what they saw."""
    words = ["interplay-bench", "run", "--task", task, "--model", parsed.card]
    words += [word for plugin in parsed.plugin for word in ("--plugin", str(plugin))]
    if parsed.output is not None:
        words += ["--set", f"engine.model={folder}"]
    words += data
    return f"Kept in {folder}: {shlex.join(words)}"


def command(parsed: argparse.Namespace) -> str:
    """The command that makes the same training; data is named, not placed, since places differ."""
    from interplay_bench.environment.processes import Processes

    world = Processes.here().world
    # Without a GPU, accelerate's launcher starts several processes only where a configuration says so.
    config = ["--config_file", "configs/cpu.yaml"] if os.environ.get("ACCELERATE_USE_CPU") == "true" else []
    several = ["accelerate", "launch", *config, "--num_processes", str(world), "-m", "interplay_bench"]
    words = [*(several if world > 1 else ["interplay-bench"]), "train", parsed.card]
    for text in parsed.data:
        name, equals, _ = text.partition("=")
        words += ["--data", f"{name}=PATH" if equals else "PATH"]
    for text in parsed.settings:
        words += ["--set", text]
    for plugin in parsed.plugin:
        words += ["--plugin", str(plugin)]
    return shlex.join([*words, *(["--seed", str(parsed.seed)] if parsed.seed else [])])


def _settings(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes K=V, not {text!r}.")
        pairs[key.strip()] = value
    return pairs
