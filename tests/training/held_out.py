"""The held-out loss of a checkpoint, taken again from what was written."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from interplay_bench.engines.weights import TransformersSettings, load
from interplay_bench.training.examples import prepare, read_corpus
from interplay_bench.training.loss import token_losses
from interplay_bench.training.packing import pack
from interplay_bench.training.training_recipe import TrainingRecipe


def held_out_loss(folder: Path, recipe: TrainingRecipe) -> float:
    weights = load(TransformersSettings(model=str(folder), dtype="float32"))
    held = prepare(read_corpus(recipe, {}), recipe, weights.tokenizer, 0).validation
    packs = [pack([example]) for example in held]
    with torch.no_grad():
        total = sum(float((token_losses(weights.model, one) * one.weights).sum()) for one in packs)
    return total / sum(one.weight for one in packs)


def claimed(folder: Path) -> float:
    return float(json.loads((folder / "training.json").read_text())["validation_loss"])
