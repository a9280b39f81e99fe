"""Choices as a tree of tokens: which next tokens must be scored after which, so that each choice's score is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Ids = tuple[int, ...]


def branches(continuations: Sequence[Ids]) -> dict[Ids, list[int]]:
    """After each beginning of a continuation, the empty one first: the tokens that one goes on with."""
    found: dict[Ids, list[int]] = {}
    for continuation in continuations:
        for at, token in enumerate(continuation):
            tokens = found.setdefault(continuation[:at], [])
            if token not in tokens:
                tokens.append(token)
    return found


def score(continuation: Ids, logprobs: Mapping[Ids, Mapping[int, float]]) -> float:
    """The log-probability of a whole continuation, of those of each token after its beginning."""
    return sum(logprobs[continuation[:at]][token] for at, token in enumerate(continuation))
