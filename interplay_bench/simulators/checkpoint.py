"""Where a fine-tuned model's weights are: what ``interplay-bench train`` wrote, a clone's, or the offline package's."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from interplay_bench.environment.cache_home import cache_home
from interplay_bench.environment.errors import CheckpointError

FOLDER = "checkpoints"
RECORD = "training.json"
"""What says, in a checkpoint's folder, how it was trained."""
SHIPPED = frozenset({"recsim-smollm2", "usersim-smollm2", "usersim-smollm2-facts"})
"""The cards whose checkpoints are in a clone and in the package interplay-bench-offline, not in the wheel: 20 MB."""


def find_checkpoint(card: str) -> Path:
    """The folder of the checkpoint trained from ``card``: in the working directory, the user's cache, a clone, or the
    package interplay-bench-offline. Raises :class:`CheckpointError`, which names the ways to get one."""
    places = [Path(FOLDER) / card, cache_home() / FOLDER / card, *(folder / card for folder in _shipped())]
    for place in places:
        if (place / "config.json").is_file() or (place / "adapter_config.json").is_file():
            return place
    if card in SHIPPED:
        raise CheckpointError(
            f"The checkpoint of {card!r} comes in a package of its own: pip install interplay-bench-offline (from a "
            "clone: pip install ./packages/interplay-bench-offline). Or name a folder with --set engine.model=PATH."
        )
    raise CheckpointError(
        f"The model {card!r} has no checkpoint yet: train one with `interplay-bench train {card}`, or put it in "
        f"{places[0]}, or name its folder with --set engine.model=PATH."
    )


def training_record(path: Path) -> Mapping[str, Any]:
    """What the ``training.json`` at ``path`` says, its ``recipe`` a mapping too; empty where it cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("recipe"), dict) else {}


def recipe_of(folder: Path) -> Mapping[str, Any]:
    """The recipe that the checkpoint in ``folder`` was trained by; empty where nothing says it."""
    recipe: Mapping[str, Any] = training_record(folder / RECORD).get("recipe", {})
    return recipe


def _shipped() -> Iterator[Path]:
    for package in ("interplay_bench.models", "interplay_bench_offline"):
        if importlib.util.find_spec(package) is not None:
            yield Path(str(files(package) / FOLDER))
