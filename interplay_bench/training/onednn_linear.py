"""Linear layers that learn in float32 on a CPU, multiplied by oneDNN, forwards and backwards.

PyTorch gives float32 products to MKL, which on other makers' processors leaves half of the vector unit idle: here 105
GFLOP/s a core, where oneDNN, which PyTorch carries for bfloat16, does 200 to 240 on the same float32 numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from interplay_bench.engines.local.packed_linear import replace_linear


class OneDNNLinear(nn.Linear):
    """The layer ``plain``, of the same parameters, values and gradients."""

    def __init__(self, plain: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Multiply, and add the bias."""
        product: torch.Tensor = _Affine.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return product


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(states, weight)
        return _multiply(states, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states, weight = ctx.saved_tensors
        to_states, to_weight, to_bias = ctx.needs_input_grad
        rows = gradient.flatten(0, -2)
        return (
            _multiply(gradient, weight.t()) if to_states else None,
            _multiply(rows.t(), states.flatten(0, -2).t()) if to_weight else None,
            rows.sum(0) if to_bias else None,
        )


def _multiply(states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """``states @ weight.T + bias``; neither needs to lie in order in memory."""
    if not states.numel():  # of which oneDNN wants nothing to do
        return nn.functional.linear(states, weight, bias)
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], "")
    return product


def use_onednn(model: nn.Module) -> None:
    """Let the float32 linear layers of a model on a CPU learn by oneDNN, where PyTorch has it."""
    replace_linear(model, OneDNNLinear, (torch.float32,))
