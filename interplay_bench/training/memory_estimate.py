"""Estimated memory of a training: weights, gradients, optimizer state, saved activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interplay_bench.training.training_recipe import TrainingRecipe

RUNTIME = 1 << 29
"""The interpreter and its libraries, or a GPU's context and kernels: about half a GiB each."""
HEAP = 1.7
"""Heap fragmentation on a CPU: resident memory over saved activations. Measured with glibc, 1.6 to 1.9; with
MALLOC_MMAP_THRESHOLD_=65536, which costs time, 1.1."""
NF4 = 4.127 / 8
"""Bytes of a weight in 4 bits, its share of the quantised scales included (QLoRA, section 3)."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes per device; ``weights``, ``gradients`` and ``optimizer`` are divided among the shards.

    ``copies``: weights in bfloat16, beside the float32 ones that learn. ``activations``: saved by the largest forward
    pass. ``attention``: the attention weights, which a CPU saves too, having no kernel that recomputes them.
    """

    weights: int
    gradients: int
    optimizer: int
    copies: int
    activations: int
    attention: int

    @property
    def state(self) -> int:
        """All but what the backward pass needs."""
        return self.weights + self.gradients + self.optimizer + self.copies

    @property
    def gpu(self) -> int:
        """All of it, on a GPU."""
        return RUNTIME + self.state + self.activations

    @property
    def cpu(self) -> int:
        """All of it, of a process on a processor: its resident memory."""
        return RUNTIME + self.state + int(HEAP * (self.activations + self.attention))


def recomputes(recipe: TrainingRecipe) -> bool:
    """Whether activations are recomputed: as the recipe says, and in shards, as configs/fsdp.yaml does."""
    return recipe.gradient_checkpointing or recipe.processes > 1


def memory(
    config: Any, recipe: TrainingRecipe, parameters: int, learning: int, longest: int, supervised: int
) -> MemoryEstimate:
    """Estimate for a model of ``config`` whose largest pass has ``longest`` tokens, ``supervised`` with a loss.

    Weights that learn are float32, frozen ones of the precision or quantised; Adam keeps two float32 numbers per
    parameter.
    """
    full, half = recipe.method == "full", recipe.precision != "fp32"
    shards = recipe.processes
    tables = config.vocab_size * config.hidden_size * (1 if config.tie_word_embeddings else 2)
    width = 2 if half else 4
    frozen = 0 if full else width * parameters
    if recipe.quantization == "4bit":  # all but the tables
        frozen = width * tables + int(NF4 * (parameters - tables))
    # Low-rank updates learn the rows of new tokens: the tables are put together anew in each pass.
    copies = 2 * ((parameters if full else tables) if half else 0)
    kept, matrices = _layer(config, recipe, longest)
    layers = config.num_hidden_layers
    if recomputes(recipe):
        inputs = (4 if full or not half else 2) * longest * config.hidden_size
        kept += inputs * layers
    else:
        kept, matrices = kept * layers, matrices * layers
    # Logits in bfloat16, their float32 form, and its softmax.
    logits = 10 * supervised * config.vocab_size
    return MemoryEstimate(
        weights=(4 * learning + frozen) // shards,
        gradients=4 * learning // shards,
        optimizer=8 * learning // shards,
        copies=copies // shards,
        activations=kept + logits,
        attention=matrices,
    )


def _layer(config: Any, recipe: TrainingRecipe, tokens: int) -> tuple[int, int]:
    """Bytes that a Llama-like layer saves in one forward pass, and those of its attention weights.

    Counted by what autograd saves, in this package's own passes over SmolLM2: each norm's float32 input (and output,
    where its scale learns); an input per linear layer; queries, keys, values and what attention gives; gate, its
    activation, up and their product. Korthikanti et al. (2022), of whose 34 bytes per token and unit of width this is
    the counterpart, have neither the gated layer nor float32 norms nor low-rank updates' own inputs.
    """
    full, size = recipe.method == "full", 4 if recipe.precision == "fp32" else 2
    width, heads = config.hidden_size, config.num_attention_heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    inner = getattr(config, "intermediate_size", None) or 4 * width
    norms = (16 if full else 8) * width
    attention = 2 * size * (width + width * shared // heads)
    kept = tokens * (norms + 12 * width + attention + 4 * size * inner)
    # One row per dialogue, half of it ahead and left out; a softmax in float32, and its result once more in bfloat16.
    matrix = heads * tokens * tokens // (2 * recipe.batch_size)
    return kept, matrix * ((4 if size == 4 else 6) if full else size)
