"""The model that a training begins with: loaded, taught the markup, and made ready to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interplay_bench.engines.weights import TransformersSettings, choose_device, choose_dtype, find, load
from interplay_bench.errors import UsageError
from interplay_bench.training.attention import register
from interplay_bench.training.linear import quicken
from interplay_bench.training.recipe import TrainingRecipe
from interplay_bench.training.tokens import add_tokens, extend

ROWS = "trainable_tokens"
"""What peft calls the rows of new tokens in a parameter's name."""


@dataclass(frozen=True, slots=True)
class Learner:
    """A model that is ready to learn, its tokenizer, and whether it computes in bfloat16."""

    model: Any
    tokenizer: Any
    bfloat16: bool

    def groups(self, recipe: TrainingRecipe) -> list[dict[str, Any]]:
        """Parameters that learn, for the optimiser: all others, and the rows of new tokens at their own rate."""
        learning = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        rows = [p for name, p in learning if ROWS in name]
        others = [p for name, p in learning if ROWS not in name]
        rate = recipe.learning_rate
        groups = [{"params": others, "lr": rate, "rate": rate}]
        if rows:
            groups.append({"params": rows, "lr": rate * recipe.token_rate, "rate": rate * recipe.token_rate})
        return groups


def prepare_base(recipe: TrainingRecipe, domains: Sequence[str], seed: int) -> Learner:
    """Load the base model of ``recipe`` and make it learn: all of it, or low-rank updates and new tokens' rows."""
    torch.manual_seed(seed)
    device = choose_device("auto")
    bfloat16 = _bfloat16(recipe, device)
    # Weights that learn stay float32: at small rates, updates are below bfloat16's resolution. Frozen ones need not.
    half = bfloat16 and recipe.method == "lora"
    found = load(
        TransformersSettings(
            model=recipe.base, package=recipe.package, dtype="bfloat16" if half else "float32", device="cpu"
        )
    )
    model, tokenizer = found.model, found.tokenizer
    new = add_tokens(model, tokenizer, domains)
    model.config.use_cache = False
    model.set_attn_implementation(register() if recipe.attention in ("auto", "segments") else recipe.attention)
    model = _low_rank(model, recipe, new) if recipe.method == "lora" else model.requires_grad_(True)
    if device.type == "cpu" and not bfloat16:
        quicken(model)
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    return Learner(model.train(), tokenizer, bfloat16)


def load_tokenizer(recipe: TrainingRecipe, domains: Sequence[str]) -> Any:
    """The base model's tokenizer, with the markup's tokens."""
    import transformers

    folder = find(TransformersSettings(model=recipe.base, package=recipe.package))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    extend(tokenizer, domains)
    return tokenizer


def _low_rank(model: Any, recipe: TrainingRecipe, new: Sequence[int]) -> Any:
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules="all-linear",
        trainable_token_indices=list(new) or None,
        base_model_name_or_path=recipe.base,
    )
    adapted = peft.get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = recipe.base
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def _bfloat16(recipe: TrainingRecipe, device: torch.device) -> bool:
    able = choose_dtype("auto", device) is torch.bfloat16
    if recipe.precision == "bf16" and not able and device.type == "cuda":
        raise UsageError("This device does not compute in bfloat16: --set precision=fp32.")
    return able if recipe.precision == "auto" else recipe.precision == "bf16"
