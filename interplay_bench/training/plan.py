"""``train --dry-run``: what a training would need, from the shapes of its model alone; no weight is read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from interplay_bench.errors import CheckpointError, DataError, UsageError
from interplay_bench.training.material import read_corpus
from interplay_bench.training.recipe import TrainingRecipe

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Workload:
    """How much there is to read: ``tokens`` and ``supervised`` per epoch; ``source`` says how that is known."""

    dialogues: int
    tokens: int
    supervised: int
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training needs. Memory is in bytes per device, with weights, gradients and optimiser in shards."""

    card: str
    recipe: TrainingRecipe
    parameters: int
    learning: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    workload: Workload
    steps: int
    hours: float
    mfu: float
    peak: float

    @property
    def memory(self) -> int:
        """All of it, per device."""
        return self.weights + self.gradients + self.optimizer + self.activations

    def render(self) -> str:
        """As the command prints it."""
        recipe, load = self.recipe, self.workload
        rows = {
            "base": recipe.base,
            "parameters": f"{self.parameters:,} ({self.learning:,} learn: {recipe.method})",
            "devices": f"{recipe.processes}",
            "weights / device": _gib(self.weights),
            "gradients / device": _gib(self.gradients),
            "optimiser / device": _gib(self.optimizer),
            "activations / device": f"{_gib(self.activations)} (batch {recipe.batch_size}, gradient checkpointing "
            f"{'on' if recipe.gradient_checkpointing else 'off'})",
            "memory / device": _gib(self.memory),
            "data": f"{load.dialogues:,} dialogues, {load.tokens:,} tokens, {load.supervised:,} supervised, an epoch "
            f"({load.source})",
            "steps": f"{self.steps:,} in {recipe.epochs} epochs of {recipe.batch_size} x {recipe.accumulation} x "
            f"{recipe.processes} dialogues",
            "tokens": f"{load.tokens * recipe.epochs:,}",
            "hours": f"{self.hours:.1f} at {self.mfu:.0%} of {self.peak / 1e12:.0f} TFLOPS per device",
        }
        width = max(map(len, rows))
        return "\n".join(
            [f"{self.card}: a plan, nothing was trained", *(f"  {k:<{width}}  {v}" for k, v in rows.items())]
        )


def plan(card: str, recipe: TrainingRecipe, data: Mapping[str, str], *, mfu: float, peak: float) -> Plan:
    """Lay the model out on the meta device and count. ``peak``: FLOP/s of one device; ``mfu``: the share reached."""
    if not (0 < mfu <= 1 and peak > 0):
        raise UsageError("--mfu is a share in (0, 1], and --peak is above 0.")
    config = read_config(recipe)
    model = shape(config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    learning = parameters if recipe.method == "full" else _low_rank(model, recipe.rank)
    load = workload(recipe, data)
    shards = recipe.processes
    # Float32 master weights where they learn; frozen ones in bfloat16. Adam keeps two float32 numbers per parameter.
    weights = 4 * learning + (0 if recipe.method == "full" else 2 * parameters)
    # A dialogue's forward and backward pass: 6 FLOP per parameter and token; 4 where the weights themselves do not
    # learn; 2 more where activations are computed anew.
    flops = (6 if recipe.method == "full" else 4) + (2 if recipe.gradient_checkpointing else 0)
    per_step = recipe.batch_size * recipe.accumulation * recipe.processes
    steps = -(-load.dialogues // per_step) * recipe.epochs
    taken = min(steps, recipe.max_steps or steps)
    total = flops * parameters * load.tokens * recipe.epochs * taken / steps
    return Plan(
        card=card,
        recipe=recipe,
        parameters=parameters,
        learning=learning,
        weights=weights // shards,
        gradients=4 * learning // shards,
        optimizer=8 * learning // shards,
        activations=_activations(config, recipe, load),
        workload=load,
        steps=taken,
        hours=total / (recipe.processes * peak * mfu) / 3600,
        mfu=mfu,
        peak=peak,
    )


def read_config(recipe: TrainingRecipe) -> Any:
    """The base model's configuration: from its folder or the hub, or ours where the hub is not reached."""
    from transformers import AutoConfig

    shipped = _shapes().get(recipe.base)
    if shipped is not None and not Path(recipe.base).is_dir():
        return AutoConfig.for_model(**shipped)
    try:
        return AutoConfig.from_pretrained(recipe.base)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise CheckpointError(f"The configuration of {recipe.base!r} is not to be had: {reason}") from None


def shape(config: Any) -> Any:
    """The model without its weights: parameters that have a shape and no storage."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def workload(recipe: TrainingRecipe, data: Mapping[str, str]) -> Workload:
    """Count what the data sets hold, at four characters a token; without them, assume the paper's PEARL."""
    try:
        corpus = read_corpus(recipe, data)
    except DataError as error:
        if recipe.dataset != ("pearl",):
            raise
        assumed = _shapes()["pearl"]
        return Workload(**assumed, source=f"assumed, since the data is not here: {str(error).split('. ')[0]}")
    from interplay_bench.markup import render
    from interplay_bench.prompting import training_prompt

    tokens = supervised = 0
    for _, dialogue in corpus.dialogues:
        prompt = training_prompt(dialogue.view(recipe.role, len(dialogue.turns)))
        own = sum(_tokens(render(turn)) for turn in dialogue.turns if turn.role is recipe.role)
        tokens += min(recipe.max_tokens, sum(_tokens(message.content) for message in prompt.messages))
        supervised += own
    return Workload(len(corpus.dialogues), tokens, supervised, "counted in the data, tokens estimated")


def _tokens(text: str) -> int:
    """About how many tokens a text has: the markup's are one each, and four characters make another."""
    from re import sub

    plain = sub(r"</?[\w-]+>", "", text)
    return text.count("<") + len(plain) // 4


def _activations(config: Any, recipe: TrainingRecipe, load: Workload) -> int:
    """Bytes kept for the backward pass of one packed row, in bfloat16, with the logits of supervised positions.

    With checkpointing a layer keeps its input, and one layer at a time everything. Otherwise about 34 bytes a token
    and unit of width (Korthikanti et al. 2022, without the attention's own matrix, which is not kept).
    """
    row = recipe.batch_size * load.tokens // max(1, load.dialogues)
    supervised = recipe.batch_size * load.supervised // max(1, load.dialogues)
    layer = 34 * row * config.hidden_size
    kept = 2 * row * config.hidden_size * config.num_hidden_layers + layer
    body = kept if recipe.gradient_checkpointing else layer * config.num_hidden_layers
    return int(body + 10 * supervised * config.vocab_size)


def _low_rank(model: Any, rank: int) -> int:
    """How many parameters low-rank updates of every linear layer have, the output projection aside."""
    from torch import nn

    head = model.get_output_embeddings()
    layers = (m for m in model.modules() if isinstance(m, nn.Linear) and m is not head)
    return sum(rank * (layer.in_features + layer.out_features) for layer in layers)


def _shapes() -> dict[str, Any]:
    text = (files("interplay_bench.training") / "shapes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB"
