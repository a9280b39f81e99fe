"""Attention over a trie: registered with transformers, so that every model's own code can run it.

A forward pass hands its tokens over as one packed row. What each token may attend to is known to the current *forward
context* (a prefill pass or a decoding step), which also keeps the keys and values; outside of a forward context, the
implementation is transformers' own.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "interplay_trie"
BLOCK = 64
"""Queries attended to at a time in :func:`_in_blocks`: more compute more of what the triangle masks."""


class ForwardContext(Protocol):
    """What one forward pass knows about its tokens."""

    def write(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep the keys and values of the pass's tokens (1 x heads x tokens x size); return all that are kept."""
        ...

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
        """Attend from ``query`` (1 x heads x tokens x size) to what :meth:`write` returned; 1 x tokens x heads x
        size."""
        ...


class UnsupportedModelError(Exception):
    """The model's attention has something that a trie pass does not know."""


_context: ContextVar[ForwardContext | None] = ContextVar("forward_context", default=None)


@contextmanager
def use_context(forward_context: ForwardContext) -> Iterator[ContextCache]:
    """Run forward passes in ``forward_context``; give it to the model as its cache."""
    token = _context.set(forward_context)
    try:
        yield ContextCache(forward_context)
    finally:
        _context.reset(token)


class ContextCache(Cache):  # type: ignore[misc]
    """The forward context's keys and values behind the interface that models expect."""

    def __init__(self, forward_context: ForwardContext) -> None:
        super().__init__(layers=[])
        self.forward_context = forward_context

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`transformers.Cache`."""
        return self.forward_context.write(layer_idx, key_states, value_states)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Nothing is in front: positions are always given."""
        return 0

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """See :meth:`get_seq_length`."""
        return 0

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Of no meaning here: the forward context masks."""
        return query_length, 0


def causal(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None, mask: torch.Tensor | None
) -> torch.Tensor:
    """Attend from the last tokens of ``key`` to all before them: 1 x heads x tokens x size.

    The fast kernels take a causal square only. Where less than half of the keys lie in front of the queries, it
    is cheaper to fill the square up with idle queries than to give a ``mask``.
    """
    if query.dtype == torch.bfloat16 and query.device.type == "cpu":  # where the fused kernel is as slow as in float32
        return _in_blocks(query, key, value, scale)
    share = query.shape[1] != key.shape[1]
    if mask is not None:
        if share:
            groups = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)
    front = key.shape[2] - query.shape[2]
    if front:
        query = torch.cat([query.new_zeros(*query.shape[:2], front, query.shape[3]), query], 2)
    return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale, enable_gqa=share)[:, :, front:]


def masked(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None, mask: torch.Tensor
) -> torch.Tensor:
    """Attend from ``query`` (batch rows x heads x queries x size) to all of ``key``; ``mask`` adds to the scores."""
    if query.device.type != "cpu":
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)
    # A CPU's fused kernel is made for many queries.
    if query.dtype == torch.bfloat16:  # whose products would copy a transpose that does not lie in order
        key, value = key.contiguous(), value.contiguous()
    scale = query.shape[3] ** -0.5 if scale is None else scale
    scores = (query * scale) @ key.transpose(2, 3)
    return scores.add_(mask).softmax(-1) @ value


def _in_blocks(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
    """:func:`causal` as products, of some queries at a time with the keys that they see."""
    heads, tokens, size = key.shape[1], query.shape[2], query.shape[3]
    groups, front = query.shape[1] // heads, key.shape[2] - tokens
    # What is added to all keys alike does not change a softmax: scores near 0 lose least by rounding.
    key = key - key.mean(2, keepdim=True, dtype=torch.float32).to(key.dtype)
    # Whole blocks only: a product of a new shape has its kernel made first.
    asked = _filled(query * (size**-0.5 if scale is None else scale)).view(heads, groups, -1, size)
    keys, values = _filled(key)[0], _filled(value)[0]
    out = value.new_empty(heads, groups, asked.shape[2], value.shape[3])
    # Which of a block's last keys come after which of its queries: the same in every block. It begins with a block of
    # keys, since a processor adds fast where columns begin and end so.
    lead = front % BLOCK
    later = torch.arange(2 * BLOCK if lead else BLOCK)[None] > torch.arange(lead, lead + BLOCK)[:, None]
    triangle = torch.zeros(later.shape, dtype=query.dtype).masked_fill_(later, -torch.inf)
    for first in range(0, tokens, BLOCK):
        alike = front - lead + first
        seen = min(alike + triangle.shape[1], keys.shape[1])
        block = asked[:, :, first : first + BLOCK]
        scores = torch.bmm(block.reshape(heads, -1, size), keys[:, :seen].transpose(1, 2))
        scores.view(heads, groups, BLOCK, seen)[..., alike:].add_(triangle[:, : seen - alike])
        found = torch.bmm(scores.softmax(-1), values[:, :seen])
        out[:, :, first : first + BLOCK] = found.view(heads, groups, BLOCK, -1)
    return out.flatten(0, 1)[None, :, :tokens]


def _filled(states: torch.Tensor) -> torch.Tensor:
    """1 x heads x tokens x size with idle tokens behind, so that all fill whole blocks."""
    return torch.nn.functional.pad(states, (0, 0, 0, -states.shape[2] % BLOCK))


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    forward_context = _context.get()
    if forward_context is None:
        output: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return output
    if any(kwargs.get(name) is not None for name in ("softcap", "s_aux", "position_bias")):
        raise UnsupportedModelError("attention with a cap, sinks or a bias")
    return forward_context.attend(query, key, value, scaling), None


def _mask(*args: Any, **kwargs: Any) -> Any:
    return sdpa_mask(*args, **kwargs) if _context.get() is None else None


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, _mask)


def obstacle(model: Any, limit: int) -> str | None:
    """Why ``model`` cannot share the work of prompts of up to ``limit`` tokens; ``None`` where every layer attends to
    everything before it, at positions that do not depend on other prompts' lengths."""
    if not {"position_ids", "past_key_values"} <= set(inspect.signature(model.forward).parameters):
        return "it takes no positions or no cache"
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    slides = "sliding_attention" in kinds or (window is not None and not kinds)
    if slides and (window is None or window < limit):
        return "its layers see through a sliding window" + (
            f" (within engine.max_context = {window} they would not)" if window else ""
        )
    if not kinds <= {"full_attention", "sliding_attention"}:
        return "its layers do not see the whole prompt"
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") in ("dynamic", "longrope"):
        return "its positions depend on the length of the prompt"
    return None
