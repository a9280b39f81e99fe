"""Linear layers by oneDNN: values and gradients are the plain layer's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from interplay_bench.training.onednn_linear import OneDNNLinear, use_onednn


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7, 24), (1, 33, 24), (2, 3, 5, 24), (0, 24)])
def test_values_and_gradients_are_those_of_the_plain_layer(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(24, 10, bias=bias)
    quick = OneDNNLinear(copy.deepcopy(plain))
    made = {}
    for name, layer in (("plain", plain), ("quick", quick)):
        states = torch.linspace(-1, 1, torch.Size(shape).numel()).view(shape).requires_grad_()
        seen = layer(states)
        (seen.sin() * torch.arange(10.0)).sum().backward()
        made[name] = [seen, states.grad, *(parameter.grad for parameter in layer.parameters())]
    for wanted, found in zip(made["plain"], made["quick"], strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_model_keeps_its_parameters_and_what_is_tied_or_frozen() -> None:
    model = nn.ModuleDict({"embed": nn.Embedding(12, 8), "body": nn.Linear(8, 8), "head": nn.Linear(8, 12, bias=False)})
    model["head"].weight = model["embed"].weight
    model["body"].requires_grad_(False)
    before = dict(model.named_parameters(remove_duplicate=False))
    use_onednn(model)
    assert type(model["head"]) is OneDNNLinear
    after = dict(model.named_parameters(remove_duplicate=False))
    assert before.keys() == after.keys()
    assert all(after[name] is parameter for name, parameter in before.items())
    model["head"](model["body"](model["embed"](torch.arange(5)))).sum().backward()
    assert model["embed"].weight.grad is not None
    assert model["body"].weight.grad is None
