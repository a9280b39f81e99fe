"""``interplay-bench train``: make a card's checkpoint from dialogues."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench import options
from interplay_bench.errors import UsageError

if TYPE_CHECKING:
    from interplay_bench.card import ModelCard
    from interplay_bench.trainable import Trainable

HELP = "fine-tune a simulator on one role's turns"


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
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="seed of everything random (default: 0)")
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
    from interplay_bench import model, registry
    from interplay_bench.processes import Processes
    from interplay_bench.progress import bar, silent
    from interplay_bench.trainable import Trainable
    from interplay_bench.training.material import places
    from interplay_bench.training.recipe import TrainingRecipe

    for plugin in parsed.plugin:
        registry.load_plugin(plugin)
    named = model.find(parsed.card)
    card = named.card
    if isinstance(named.adapter, Trainable):
        return _train_by_adapter(named.adapter, card, parsed)
    recipe = TrainingRecipe.of(card, _settings(parsed.settings))
    data = places(parsed.data, recipe)
    if parsed.dry_run:
        from interplay_bench.training.plan import plan

        print(plan(card.name, recipe, data, mfu=parsed.mfu, peak=parsed.peak * 1e12, seed=parsed.seed).render())
        return 0
    from interplay_bench.training.session import Session, train

    session = Session(card.name, recipe, data, parsed.seed, command(parsed))
    first = Processes.here().first
    folder = train(session, parsed.output, resume=parsed.resume, progress=bar if first else silent)
    if first:
        print(f"Kept in {folder}: interplay-bench run --task user_multiturn --model {parsed.card}")
    return 0


def _train_by_adapter(adapter: Trainable, card: ModelCard, parsed: argparse.Namespace) -> int:
    """Let an adapter that has a training of its own do it."""
    from interplay_bench.progress import bar
    from interplay_bench.trainable import TrainingRequest

    if parsed.dry_run:
        raise UsageError(f"--dry-run plans fine-tunings, and {parsed.card!r} has a training of its own: leave it out.")
    request = TrainingRequest(
        card, _settings(parsed.settings), tuple(parsed.data), parsed.output, parsed.seed, parsed.resume, command(parsed)
    )
    folder = adapter.train(request, bar)
    print(f"Kept in {folder}: interplay-bench run --task recommender --model {parsed.card}")
    return 0


def command(parsed: argparse.Namespace) -> str:
    """The command that makes the same training; data is named, not placed, since places differ."""
    from interplay_bench.processes import Processes

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
    return shlex.join([*words, *(["--seed", str(parsed.seed)] if parsed.seed else [])])


def _settings(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes K=V, not {text!r}.")
        pairs[key.strip()] = value
    return pairs
