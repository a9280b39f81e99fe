"""Weights in the order in which a CPU multiplies them.

Plain matrix products reorder the weights on every call, which costs as much as the product itself where few tokens
go through: in every decoding step. oneDNN, which PyTorch carries, takes weights that were reordered once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

TOKENS = 64
"""For how many tokens at once the order is chosen; it serves all other numbers well."""


class PackedLinear(nn.Module):
    """A linear layer for inference on a CPU, of the same values as ``plain``."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.packed = torch.ops.mkldnn._reorder_linear_weight(plain.weight.detach(), TOKENS)
        self.bias = plain.bias

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Multiply, and add the bias."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(states, self.packed, self.bias, "none", [], "")
        return product


def pack(model: nn.Module) -> Callable[[], None]:
    """Replace the linear layers of ``model`` by packed ones, where PyTorch can; return what undoes it."""
    return replace_linear(model, PackedLinear, (torch.float32, torch.bfloat16))


def replace_linear(
    model: nn.Module, make: Callable[[nn.Linear], nn.Module], dtypes: Sequence[torch.dtype]
) -> Callable[[], None]:
    """Replace the linear layers of these ``dtypes`` by ``make`` of them, where it works; return what undoes it."""
    on_cpu = torch.backends.mkldnn.enabled and all(p.device.type == "cpu" for p in model.parameters())
    dtypes = [dtype for dtype in dtypes if on_cpu and _works(make, dtype)]
    plain: list[tuple[nn.Module, str, nn.Module]] = []
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and child.weight.dtype in dtypes:
                plain.append((parent, name, child))
                setattr(parent, name, make(child))

    def undo() -> None:
        for parent, name, child in plain:
            setattr(parent, name, child)

    return undo


def _works(make: Callable[[nn.Linear], nn.Module], dtype: torch.dtype) -> bool:
    """Whether PyTorch has the operations (it keeps them to itself) and this processor can do them in ``dtype``."""
    try:
        layer = nn.Linear(16, 8, dtype=dtype).requires_grad_(False)
        states = torch.ones(1, 3, 16, dtype=dtype)
        return torch.allclose(make(layer)(states), layer(states), atol=1e-5 if dtype == torch.float32 else 0.05)
    except (AttributeError, RuntimeError):
        return False
