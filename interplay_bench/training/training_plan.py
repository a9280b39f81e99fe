"""``train --dry-run``: time and memory of a training, from its model's configuration alone; no weight is read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from interplay_bench.engines.pretrained.model_files import CONFIG, base_of, check_config, is_adapter, read_object
from interplay_bench.engines.pretrained.opening import loading
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.training.examples import is_held_out, read_corpus
from interplay_bench.training.memory_estimate import MemoryEstimate, memory, recomputes
from interplay_bench.training.training_recipe import TrainingRecipe

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Workload:
    """The size of the data: ``tokens`` and ``supervised`` per epoch; ``source`` says how they are known.

    ``longest``: the tokens of the largest batch.
    """

    dialogues: int
    tokens: int
    supervised: int
    longest: int
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The estimated time and memory of a training."""

    card: str
    recipe: TrainingRecipe
    parameters: int
    learning: int
    memory: MemoryEstimate
    workload: Workload
    steps: int
    hours: float
    mfu: float
    peak: float

    def render(self) -> str:
        """As the command prints it."""
        recipe, load, memory = self.recipe, self.workload, self.memory
        rows = {
            "base": recipe.base,
            "parameters": f"{self.parameters:,} ({self.learning:,} learn: {recipe.method})",
            "devices": f"{recipe.processes}",
            "weights / device": _gib(memory.weights),
            "gradients / device": _gib(memory.gradients),
            "optimiser / device": _gib(memory.optimizer),
            "bf16 copies / device": _gib(memory.copies),
            "activations / device": f"{_gib(memory.activations)} (largest batch: {load.longest:,} tokens; gradient "
            f"checkpointing {'on' if recomputes(recipe) else 'off'})",
            "memory / device": f"{_gib(memory.gpu)} of a GPU, {_gib(memory.cpu)} resident on a CPU",
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


def plan(card: str, recipe: TrainingRecipe, data: Mapping[str, str], *, mfu: float, peak: float, seed: int = 0) -> Plan:
    """Lay the model out on the meta device and count. ``peak``: FLOP/s of one device; ``mfu``: the share reached."""
    if not (0 < mfu <= 1 and peak > 0):
        raise UsageError("--mfu is a share in (0, 1], and --peak is above 0.")
    config = read_config(recipe)
    model = shape(config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    learning = parameters if recipe.method == "full" else _low_rank(model, recipe.rank)
    load = workload(recipe, data, seed)
    supervised = load.longest * load.supervised // max(1, load.tokens)
    # A dialogue's forward and backward pass: 6 FLOP per parameter and token; 4 where the weights themselves do not
    # learn; 2 more where activations are computed anew.
    flops = (6 if recipe.method == "full" else 4) + (2 if recomputes(recipe) else 0)
    per_step = recipe.batch_size * recipe.accumulation * recipe.processes
    steps = -(-load.dialogues // per_step) * recipe.epochs
    taken = min(steps, recipe.max_steps or steps)
    total = flops * parameters * load.tokens * recipe.epochs * taken / steps
    return Plan(
        card=card,
        recipe=recipe,
        parameters=parameters,
        learning=learning,
        memory=memory(config, recipe, parameters, learning, load.longest, supervised),
        workload=load,
        steps=taken,
        hours=total / (recipe.processes * peak * mfu) / 3600,
        mfu=mfu,
        peak=peak,
    )


def read_config(recipe: TrainingRecipe) -> Any:
    """The base model's configuration: from its folder or the hub, or ours where the hub is not reached."""
    from transformers import AutoConfig

    base, folders = recipe.base, set[Path]()
    while (folder := typed_path(base)).is_dir() and is_adapter(folder) and folder not in folders:
        folders.add(folder)
        base = base_of(folder)
    shipped = _shapes().get(base)
    if folder.is_dir():
        check_config(read_object(folder / CONFIG), folder / CONFIG)
    elif shipped is not None:
        return AutoConfig.for_model(**shipped)
    with loading(f"The configuration of {base}"):
        return AutoConfig.from_pretrained(folder if folder.is_dir() else base)


def shape(config: Any) -> Any:
    """The model without its weights: parameters that have a shape and no storage."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def workload(recipe: TrainingRecipe, data: Mapping[str, str], seed: int) -> Workload:
    """Count what is learnt from, at four characters a token; without the data, assume the paper's PEARL."""
    try:
        corpus = read_corpus(recipe, data)
    except DataError as error:
        if recipe.dataset != ("pearl",):
            raise
        assumed, longest = _shapes()["pearl"], recipe.batch_size * recipe.max_tokens
        why = str(error).split(". ")[0]
        learnt = {name: round(count * (1 - recipe.validation)) for name, count in assumed.items()}
        return Workload(**learnt, longest=longest, source=f"assumed, since the data is not here: {why}")
    from interplay_bench.dialogues.markup import render
    from interplay_bench.dialogues.view_prompt import training_prompt

    lengths, supervised = [], 0
    for name, dialogue in corpus.dialogues:
        if is_held_out(name, dialogue.id, recipe.validation, seed):
            continue
        prompt = training_prompt(dialogue.view(recipe.role, len(dialogue.turns)))
        own = sum(_tokens(render(turn)) for turn in dialogue.turns if turn.role is recipe.role)
        lengths.append(min(recipe.max_tokens, sum(_tokens(message.content) for message in prompt.messages)))
        supervised += own
    longest = sum(sorted(lengths)[-recipe.batch_size :])
    return Workload(len(lengths), sum(lengths), supervised, longest, "counted in the data, tokens estimated")


def _tokens(text: str) -> int:
    """About how many tokens a text has: the markup's are one each, and four characters make another."""
    from re import sub

    plain = sub(r"</?[\w-]+>", "", text)
    return text.count("<") + len(plain) // 4


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
