from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from interplay_bench import Dialogue, Role
from interplay_bench.training.loss import RoleLoss
from interplay_bench.training.packing import batches, pack
from interplay_bench.training.role_example import ExampleEncoder, RoleExample
from interplay_bench.training.segment_attention import register
from interplay_bench.training.tokens import add_tokens


def plain_loss(model: Any, examples: list[RoleExample]) -> torch.Tensor:
    """The plain way: rows padded on the right, logits of every position, masked labels; the mean per token."""
    width = max(len(example.ids) for example in examples)
    ids = torch.tensor([[*e.ids, *[0] * (width - len(e.ids))] for e in examples])
    there = torch.tensor([[1] * len(e.ids) + [0] * (width - len(e.ids)) for e in examples])
    labels = torch.tensor(
        [
            [i if m else -100 for i, m in zip(e.ids, e.mask, strict=True)] + [-100] * (width - len(e.ids))
            for e in examples
        ]
    )
    logits = model(input_ids=ids, attention_mask=there, use_cache=False).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    torch.autograd.backward(loss)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("attention", ["segments", "sdpa"])
@pytest.mark.parametrize("role", list(Role))
def test_loss_and_gradients_are_those_of_the_plain_way(
    model: Any, tokenizer: Any, talks: tuple[Dialogue, ...], role: Role, attention: str
) -> None:
    add_tokens(model, tokenizer, ["book"])
    examples = [ExampleEncoder(tokenizer, role).examples(dialogue)[0] for dialogue in talks[:4]]
    model.set_attn_implementation("eager")
    wanted = plain_loss(model, examples)
    expected = gradients(model, wanted)
    model.set_attn_implementation(register() if attention == "segments" else attention)
    packed = pack(examples)
    loss = RoleLoss(model)(packed) / packed.weight
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=1e-6)
    found = gradients(model, loss)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention", ["segments", "sdpa"])
def test_packed_dialogues_do_not_see_each_other(
    model: Any, tokenizer: Any, talks: tuple[Dialogue, ...], attention: str
) -> None:
    add_tokens(model, tokenizer, ["book"])
    model.set_attn_implementation(register() if attention == "segments" else attention)
    examples = [ExampleEncoder(tokenizer, Role.USER).examples(dialogue)[0] for dialogue in talks[:3]]
    measure = RoleLoss(model)
    alone = sum(measure(pack([example])) for example in examples)
    torch.testing.assert_close(measure(pack(examples)), alone, rtol=1e-6, atol=1e-5)


def test_long_dialogues_are_attended_to_in_blocks(model: Any) -> None:
    from interplay_bench.training.segment_attention import segment_attention

    torch.manual_seed(0)
    query, key, value = torch.randn(1, 4, 500, 8), torch.randn(1, 2, 500, 8), torch.randn(1, 2, 500, 8)
    found, _ = segment_attention(None, query, key, value, None, segments=(300, 1, 199))
    for start, end in [(0, 300), (300, 301), (301, 500)]:
        q, k, v = query[:, :, start:end], key[:, :, start:end], value[:, :, start:end]
        wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        torch.testing.assert_close(found[:, start:end], wanted.transpose(1, 2))


def test_batches_are_a_function_of_seed_and_epoch(tokenizer: Any, talks: tuple[Dialogue, ...]) -> None:
    examples = [ExampleEncoder(tokenizer, Role.USER).examples(dialogue)[0] for dialogue in talks]
    first = batches(examples, 2, seed=0, epoch=0)
    assert first == batches(examples, 2, seed=0, epoch=0)
    assert first != batches(examples, 2, seed=0, epoch=1)
    assert sorted(e.name for batch in first for e in batch) == sorted(e.name for e in examples)
    assert all(abs(len(a.ids) - len(b.ids)) < 10 for a, b in first)
