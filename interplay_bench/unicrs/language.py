"""The frozen language model, cut in two: layers that no prompt reaches, and layers whose attention sees it."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import torch

from interplay_bench.engines.weights import Weights
from interplay_bench.environment.errors import UsageError
from interplay_bench.unicrs.prompter import Shape, SoftPrompt
from interplay_bench.unicrs.unicrs_example import Piece

SLOT_WORD = " item"
"""What the slot's vector is made of: a slot reads like this word."""


class FrozenLanguageModel:
    """Any causal language model of transformers; nothing in it learns.

    ``prompt_layers``: how many of the upper layers see the prompt; 0 means all. What the lower ones make of a text
    then depends on the text alone, and is worth keeping. Cutting needs a model with rotary positions (Llama, Qwen,
    Mistral and their kin); uncut, any will do.

    The vocabulary has one token more, ``slot``, which stands for an item in a response. Prompts take no positions:
    a text's tokens count from 0 whatever the prompt's length, so that a row never depends on its batch.
    """

    def __init__(self, weights: Weights, prompt_layers: int) -> None:
        self.tokenizer = weights.tokenizer
        self.identity = weights.identity
        self._whole = weights.model
        config = weights.model.config.get_text_config()
        layers = int(config.num_hidden_layers)
        if not 0 <= prompt_layers <= layers:
            raise UsageError(
                f"prompt_layers must be from 0 (all) to {layers}, the model's layers, not {prompt_layers}."
            )
        self._lower, self._upper = _cut(weights.model.base_model, layers - (prompt_layers or layers))
        heads = int(config.num_attention_heads)
        self.size = int(config.hidden_size)
        head_size = getattr(config, "head_dim", None) or self.size // heads
        key_heads = getattr(config, "num_key_value_heads", None) or heads
        self.shape = Shape(prompt_layers or layers, int(key_heads), int(head_size))
        table = weights.model.get_input_embeddings().weight
        self.dtype, self.device = table.dtype, table.device
        self.slot = len(table)
        self.slot_vector = table[self.tokenizer(SLOT_WORD, add_special_tokens=False)["input_ids"]].mean(0)

    def encode(self, text: str) -> list[int]:
        """A text's tokens, with nothing added."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def encode_response(self, pieces: Sequence[Piece], limit: int) -> list[int]:
        """A response with its slots as at most ``limit`` tokens, the last of them the end of text."""
        ids: list[int] = []
        for piece in pieces:
            ids += [self.slot] if piece is None else self.encode(" " + piece.strip())
        return [*ids[: limit - 1], self.end]

    @property
    def end(self) -> int:
        """The token that ends a response."""
        return int(self.tokenizer.eos_token_id)

    def decode(self, ids: Sequence[int]) -> list[Piece]:
        """Tokens as text and slots, up to the end of the response or of its line."""
        pieces: list[Piece] = []
        run: list[int] = []
        for token in [*ids, self.slot]:
            if token in (self.slot, self.end):
                text = self.tokenizer.decode(run, skip_special_tokens=True)
                line = re.split(r"[\r\n]", text.lstrip("\r\n") if not pieces else text, maxsplit=1)
                pieces += [line[0], None]
                run = []
                if token == self.end or len(line) > 1:
                    break
            else:
                run.append(token)
        return pieces[:-1]

    @torch.no_grad()
    def below(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any = None) -> torch.Tensor:
        """What the lower layers make of tokens (B, n): (B, n, h). With a ``cache``, of those that follow what it holds.

        ``mask`` (B, all): true for tokens, those in the cache included.
        """
        table = self._whole.get_input_embeddings()
        is_slot = ids == self.slot
        words = table(ids.masked_fill(is_slot, 0))
        vectors: torch.Tensor = torch.where(is_slot[..., None], self.slot_vector, words)
        if self._lower is None:
            return vectors
        return self._run(self._lower, vectors, mask, mask, cache)

    def above(self, states: torch.Tensor, mask: torch.Tensor, prompt_mask: torch.Tensor, cache: Any) -> torch.Tensor:
        """The upper layers' last states (B, n, h); ``cache`` holds the prompt and whatever was read since."""
        return self._run(self._upper, states, mask, torch.cat([prompt_mask, mask], 1), cache)

    def logits(self, states: torch.Tensor, slot: torch.Tensor) -> torch.Tensor:
        """Next-token logits, float32, of states (..., h), the slot's last; ``slot`` (h) is its learnt output row."""
        head = self._whole.get_output_embeddings()
        plain = head(states).float()[..., : self.slot]
        out: torch.Tensor = torch.cat([plain, (states.float() @ slot)[..., None]], -1)
        return out

    def cache(self, prompt: SoftPrompt | None = None) -> Any:
        """An empty cache, or one that begins with a prompt."""
        from transformers import DynamicCache

        cache = DynamicCache()
        if prompt is not None:
            for layer, (keys, values) in enumerate(prompt.states.to(self.dtype)):
                cache.update(keys, values, layer)
        return cache

    def _run(
        self, part: Any, vectors: torch.Tensor, mask: torch.Tensor, whole: torch.Tensor, cache: Any
    ) -> torch.Tensor:
        positions = (mask.long().cumsum(1) - 1).clamp(min=0)[:, -vectors.shape[1] :]
        done = part(
            inputs_embeds=vectors,
            attention_mask=whole.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        states: torch.Tensor = done.last_hidden_state
        return states


def _cut(base: Any, at: int) -> tuple[Any, Any]:
    """``base`` as its first ``at`` layers, without the final norm, and the rest; (``None``, ``base``) for 0."""
    if at == 0:
        return None, base
    if not all(hasattr(base, name) for name in ("layers", "norm", "rotary_emb")):
        raise UsageError(
            f"prompt_layers does not work with {type(base).__name__}, which is not built as Llama is: set it to 0."
        )
    lower, upper = _shell(base, 0, at), _shell(base, at, len(base.layers))
    lower.norm = torch.nn.Identity()
    for place, layer in enumerate(upper.layers):
        layer.self_attn.layer_idx = place  # its place in the cache
    return lower, upper


def _shell(base: Any, start: int, stop: int) -> Any:
    """A model with some of the layers of ``base``, sharing its weights."""
    shell = copy.copy(base)
    shell._modules = dict(base._modules)
    shell.layers = base.layers[start:stop]
    shell.config = copy.copy(base.config)
    shell.config.num_hidden_layers = stop - start
    if getattr(shell.config, "layer_types", None):
        shell.config.layer_types = shell.config.layer_types[start:stop]
    return shell
