"""The loss; the output projection is applied to supervised positions only."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from interplay_bench.training.packing import Pack


class RoleLoss(nn.Module):
    """A causal language model with the loss of eq. 1 and 2 on top.

    The projection onto the vocabulary is the widest layer of a small model, and most positions need no logits. Its
    input is therefore gathered first. Loss and gradients equal the standard computation up to rounding.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        names = defaultdict(list)
        for name, parameter in model.named_parameters(remove_duplicate=False):
            names[id(parameter)].append(name)
        self._shared = [those for those in names.values() if len(those) > 1]
        # Where shards are cut: accelerate asks the outermost module which of its layers stay whole.
        self._no_split_modules = getattr(model, "_no_split_modules", None)

    def get_input_embeddings(self) -> Any:
        """The embedding, for accelerate to shard by itself; none where it is tied and must stay with its other use."""
        return None if self._shared else self.model.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """The output projection, for the same."""
        return None if self._shared else self.model.get_output_embeddings()

    def tie_weights(self) -> None:
        """Share again what was shared: accelerate puts other tensors in place of the model's before it shards."""
        for first, *others in self._shared:
            for name in others:
                owner, _, parameter = name.rpartition(".")
                setattr(self.model.get_submodule(owner), parameter, self.model.get_parameter(first))

    def forward(self, pack: Pack) -> torch.Tensor:
        """The *sum* of weight x cross-entropy (natural logarithm) over the pack's supervised tokens; float32.

        The caller divides by the sum of weights of the whole step, so that accumulation does not change the loss.
        """
        return token_losses(self.model, pack).mul(pack.weights).sum()


def token_losses(model: Any, pack: Pack) -> torch.Tensor:
    """Cross-entropy of each supervised token, in the pack's order: S."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    implementation = base.config._attn_implementation
    options: dict[str, Any] = {"segments": pack.segments}
    if implementation == "sdpa":
        options = {"attention_mask": pack.block_mask().to(pack.ids.device)}
    elif implementation.startswith("flash"):
        options = {}  # reads the packing off the positions
    hidden = base.get_decoder()(
        input_ids=pack.ids, position_ids=pack.positions, use_cache=False, **options
    ).last_hidden_state
    logits = base.get_output_embeddings()(hidden[0].index_select(0, pack.places))
    return cross_entropy(logits.float(), pack.labels, reduction="none")
