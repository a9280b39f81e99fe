"""The markup's structural tokens as tokens of a model (section 3.5): added, and initialised from what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from interplay_bench.dialogues.dialogue import Action, Role
from interplay_bench.dialogues.markup import (
    ACTION_CLOSE,
    ACTION_OPEN,
    RESPONSE_CLOSE,
    RESPONSE_OPEN,
    action_token,
    role_token,
    special_tokens,
)

_MEANING = {
    role_token(Role.USER): "user: the seeker says",
    role_token(Role.RECOMMENDER): "recommender: the assistant says",
    ACTION_OPEN: "begin action",
    ACTION_CLOSE: "end action",
    RESPONSE_OPEN: "begin response",
    RESPONSE_CLOSE: "end response",
    action_token(Action.GREETING): "hello, greeting",
    action_token(Action.INQUIRE): "ask a question, inquire",
    action_token(Action.RECOMMEND): "recommend, suggest",
    action_token(Action.DISCLOSE_GOAL): "tell what I am looking for",
    action_token(Action.FEEDBACK): "no, reject, feedback",
    action_token(Action.ACCEPT): "yes, accept",
    action_token(Action.CHAT): "chat, small talk",
}


def describe(token: str) -> str:
    """What a structural token means, in a few words that any tokenizer knows."""
    return _MEANING.get(token) or token.strip("</>").replace("_", " ").replace("-", " ")


def add_tokens(model: Any, tokenizer: Any, domains: Sequence[str] = ("movie",)) -> tuple[int, ...]:
    """Add the structural tokens to ``tokenizer`` and ``model``; return the ids of those that are new.

    Each new row of the input embedding (and of the output projection, where that has weights of its own) starts at
    the mean of the rows of its description's tokens: near what it means, and of ordinary length.
    """
    new = extend(tokenizer, domains)
    meanings = [tokenizer(describe(token), add_special_tokens=False)["input_ids"] for token in new]
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = tuple(tokenizer.convert_tokens_to_ids(token) for token in new)
    with torch.no_grad():
        for table in _tables(model):
            for row, meaning in zip(ids, meanings, strict=True):
                table[row] = table[meaning].float().mean(0)
    return ids


def extend(tokenizer: Any, domains: Sequence[str] = ("movie",)) -> tuple[str, ...]:
    """Add the structural tokens to ``tokenizer``; return those that it did not have."""
    wanted = dict.fromkeys(token for domain in domains for token in special_tokens(domain))
    new = tuple(token for token in wanted if token not in tokenizer.get_vocab())
    tokenizer.add_special_tokens({"additional_special_tokens": list(new)}, replace_extra_special_tokens=False)
    return new


def _tables(model: Any) -> list[torch.Tensor]:
    """The embedding, and the output projection where it is another tensor; each vocabulary x width."""
    inputs = model.get_input_embeddings().weight
    outputs = model.get_output_embeddings().weight
    return [inputs] if outputs is inputs else [inputs, outputs]
