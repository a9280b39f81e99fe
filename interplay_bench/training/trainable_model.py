"""The model that a training starts from: loaded, with the markup's tokens, its trainable parameters chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interplay_bench.dialogues.markup import END
from interplay_bench.engines.pretrained.opening import open_tokenizer
from interplay_bench.engines.weights import TransformersSettings, choose_device, choose_dtype, find_layers, load
from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.extras import require
from interplay_bench.environment.paths import typed_path
from interplay_bench.training.onednn_linear import use_onednn
from interplay_bench.training.segment_attention import register
from interplay_bench.training.tokens import add_tokens, extend
from interplay_bench.training.training_recipe import TrainingRecipe

ROWS = "trainable_tokens"
"""What peft calls the rows of new tokens in a parameter's name."""


@dataclass(frozen=True, slots=True)
class TrainableModel:
    """A model ready for training, its tokenizer, and whether it computes in bfloat16."""

    model: Any
    tokenizer: Any
    bfloat16: bool

    def groups(self, recipe: TrainingRecipe) -> list[dict[str, Any]]:
        """The optimizer's parameter groups: rows of new tokens, which have their own learning rate, and the rest."""
        learning = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        rows = [p for name, p in learning if ROWS in name]
        others = [p for name, p in learning if ROWS not in name]
        rate = recipe.learning_rate
        groups = [{"params": others, "lr": rate, "rate": rate}]
        if rows:
            groups.append({"params": rows, "lr": rate * recipe.token_rate, "rate": rate * recipe.token_rate})
        return groups


def prepare_base(recipe: TrainingRecipe, domains: Sequence[str], seed: int) -> TrainableModel:
    """Load the base model of ``recipe`` and make it trainable: all of it, or low-rank updates and new tokens' rows."""
    torch.manual_seed(seed)
    device = choose_device("auto")
    if recipe.quantization != "none":
        _check_quantised(recipe, device)
    bfloat16 = _bfloat16(recipe, device)
    # Trainable weights stay float32: at small rates, updates are below bfloat16's resolution. Frozen ones need not.
    half = bfloat16 and recipe.method == "lora"
    found = load(
        TransformersSettings(
            model=recipe.base,
            package=recipe.package,
            dtype="bfloat16" if half else "float32",
            device="cpu",
            quantization=recipe.quantization,
        )
    )
    model, tokenizer = found.model, found.tokenizer
    new = add_tokens(model, tokenizer, domains)
    model.config.use_cache = False
    model.set_attn_implementation(register() if recipe.attention in ("auto", "segments") else recipe.attention)
    model.generation_config = ending(model, tokenizer)
    model = _low_rank(model, recipe, new) if recipe.method == "lora" else model.requires_grad_(True)
    if device.type == "cpu" and not bfloat16:
        use_onednn(model)
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    return TrainableModel(model.train(), tokenizer, bfloat16)


def load_tokenizer(recipe: TrainingRecipe, domains: Sequence[str]) -> Any:
    """The base model's tokenizer, with the markup's tokens."""
    layers = find_layers(TransformersSettings(model=recipe.base, package=recipe.package))
    tokenizer = open_tokenizer(layers.tokenizer)
    extend(tokenizer, domains)
    return tokenizer


def _check_quantised(recipe: TrainingRecipe, device: torch.device) -> None:
    """Refuse what would learn nothing or something else, before any weight is read."""
    if recipe.method == "full":
        raise UsageError("Quantised weights do not learn: --set method=lora, or --set quantization=none.")
    if device.type == "cpu":  # where bitsandbytes gives no gradient to what is below a quantised layer
        raise UsageError("Over quantised weights, low-rank updates learn on a GPU only: --set quantization=none.")
    if find_layers(TransformersSettings(model=recipe.base, package=recipe.package)).adapters:
        raise UsageError(f"{recipe.base} is an adapter, which cannot be merged into quantised weights: name its base.")


def ending(model: Any, tokenizer: Any) -> Any:
    """How other engines write with the model: greedily, until the turn's end or what ended the base model's texts.

    Nothing else is kept of the base's configuration: its temperature and penalties were set for another use.
    """
    from transformers import GenerationConfig

    known = model.generation_config.eos_token_id
    ends = [*(known if isinstance(known, list) else [known]), tokenizer.eos_token_id]
    ends.append(tokenizer.convert_tokens_to_ids(END))
    return GenerationConfig(
        eos_token_id=list(dict.fromkeys(end for end in ends if end is not None)),
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _low_rank(model: Any, recipe: TrainingRecipe, new: Sequence[int]) -> Any:
    """Low-rank updates of every linear layer, and the rows of ``new`` tokens wherever the model has such rows."""
    peft = require("peft", "train")

    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        raise UsageError(
            f"The output projection of {recipe.base} has a bias, which peft drops where rows of it learn: "
            "--set method=full."
        )
    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules="all-linear",
        trainable_token_indices=_rows(model, new),
    )
    adapted = peft.get_peft_model(model, config)
    folder = typed_path(recipe.base)
    # A folder is named so that it is found from any working directory; a hub id stays one.
    adapted.peft_config["default"].base_model_name_or_path = str(folder.resolve()) if folder.is_dir() else recipe.base
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def _rows(model: Any, new: Sequence[int]) -> Any:
    """The rows that learn, as peft wants them: of the embedding, and of the output projection where that is another
    tensor. Of a tied one it takes care itself."""
    if not new:
        return None
    tables = (model.get_input_embeddings(), model.get_output_embeddings())
    if tables[0].weight is tables[1].weight:
        return list(new)
    return {name.rpartition(".")[2]: list(new) for name, module in model.named_modules() if module in tables}


def _bfloat16(recipe: TrainingRecipe, device: torch.device) -> bool:
    able = choose_dtype("auto", device) is torch.bfloat16
    if recipe.precision == "bf16" and not able and device.type == "cuda":
        raise UsageError("This device does not compute in bfloat16: --set precision=fp32.")
    return able if recipe.precision == "auto" else recipe.precision == "bf16"
