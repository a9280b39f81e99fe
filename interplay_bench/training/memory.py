"""What a training holds in memory, by reckoning: weights, gradients, optimiser, and what the way back needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interplay_bench.training.recipe import TrainingRecipe

RUNTIME = 1 << 29
"""The libraries and the interpreter, or a GPU's context with its kernels: about half a GiB each."""
HEAP = 1.7
"""How much a processor's heap takes for what is kept: freed pieces lie between kept ones. Measured with glibc, 1.6 to
1.9 times; with MALLOC_MMAP_THRESHOLD_=65536, which costs time, 1.1 times."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes per device: ``weights``, ``gradients`` and ``optimizer`` in shards.

    ``copies``: the weights in bfloat16, beside those that learn. ``activations``: what is kept of the largest pass.
    ``attention``: the weights of attention, which are kept too where no kernel computes them anew: on a processor.
    """

    weights: int
    gradients: int
    optimizer: int
    copies: int
    activations: int
    attention: int

    @property
    def state(self) -> int:
        """All but what is kept for going backwards."""
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
    """Whether activations are computed anew: as the recipe says, and in shards, as configs/fsdp.yaml does."""
    return recipe.gradient_checkpointing or recipe.processes > 1


def memory(
    config: Any, recipe: TrainingRecipe, parameters: int, learning: int, longest: int, supervised: int
) -> Memory:
    """Reckon for a model of ``config`` whose largest pass has ``longest`` tokens, ``supervised`` of them with a loss.

    Weights that learn are float32, frozen ones of the precision; Adam keeps two float32 numbers per parameter.
    """
    full, half = recipe.method == "full", recipe.precision != "fp32"
    shards = recipe.processes
    frozen = 0 if full else (2 if half else 4) * parameters
    table = config.vocab_size * config.hidden_size
    # Low-rank updates learn the rows of new tokens: the table of embeddings is put together anew in each pass.
    copies = 2 * ((parameters if full else table) if half else 0)
    kept, matrices = _layer(config, recipe, longest)
    layers = config.num_hidden_layers
    if recomputes(recipe):
        inputs = (4 if full or not half else 2) * longest * config.hidden_size
        kept += inputs * layers
    else:
        kept, matrices = kept * layers, matrices * layers
    # Logits in bfloat16, their float32 form, and its softmax.
    logits = 10 * supervised * config.vocab_size
    return Memory(
        weights=(4 * learning + frozen) // shards,
        gradients=4 * learning // shards,
        optimizer=8 * learning // shards,
        copies=copies // shards,
        activations=kept + logits,
        attention=matrices,
    )


def _layer(config: Any, recipe: TrainingRecipe, tokens: int) -> tuple[int, int]:
    """Bytes that a Llama-like layer keeps of one pass, and those of its attention's weights.

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
