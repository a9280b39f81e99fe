"""Where a fine-tuned model's weights are: what ``interplay-bench train`` wrote, or what the package ships."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from interplay_bench.cache_home import cache_home
from interplay_bench.errors import CheckpointError

FOLDER = "checkpoints"


def find_checkpoint(card: str) -> Path:
    """The folder of the checkpoint trained from ``card``: in the working directory, the user's cache, the package."""
    places = [Path(FOLDER) / card, cache_home() / FOLDER / card]
    shipped = files("interplay_bench.models") / FOLDER / card
    if isinstance(shipped, Path):
        places.append(shipped)
    for place in places:
        if (place / "config.json").is_file() or (place / "adapter_config.json").is_file():
            return place
    raise CheckpointError(
        f"The model {card!r} has no checkpoint yet: train one with `interplay-bench train {card}`, or put it in "
        f"{places[0]}, or name its folder with --set engine.model=PATH."
    )
