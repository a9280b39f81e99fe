from __future__ import annotations

from typing import Any

import torch

from interplay_bench.dialogues.markup import special_tokens
from interplay_bench.training.tokens import add_tokens, describe


def test_new_tokens_start_at_the_mean_of_their_description(model: Any, tokenizer: Any) -> None:
    before = model.get_input_embeddings().weight.detach().clone()
    heads = model.get_output_embeddings().weight.detach().clone()
    meanings = {t: tokenizer(describe(t), add_special_tokens=False)["input_ids"] for t in special_tokens("book")}
    ids = add_tokens(model, tokenizer, ["book"])
    assert len(ids) == len(special_tokens("book"))
    for token in special_tokens("book"):
        assert len(tokenizer(token, add_special_tokens=False)["input_ids"]) == 1
        row = tokenizer.convert_tokens_to_ids(token)
        torch.testing.assert_close(model.get_input_embeddings().weight[row], before[meanings[token]].mean(0))
        torch.testing.assert_close(model.get_output_embeddings().weight[row], heads[meanings[token]].mean(0))
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert tied == model.config.tie_word_embeddings
    torch.testing.assert_close(model.get_input_embeddings().weight[: len(before)], before)


def test_adding_twice_adds_nothing(model: Any, tokenizer: Any) -> None:
    add_tokens(model, tokenizer)
    size = len(tokenizer)
    assert add_tokens(model, tokenizer) == ()
    assert len(add_tokens(model, tokenizer, ["movie", "book"])) == 2
    assert len(tokenizer) == size + 2
