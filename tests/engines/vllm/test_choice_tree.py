"""Choices as a tree: the sum over its branches is each choice's own log-probability."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.engines.vllm.choice_tree import branches, score

CONTINUATIONS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple), min_size=1, max_size=5)


@given(CONTINUATIONS)
def test_each_token_is_scored_once_after_what_comes_before_it(continuations: list[tuple[int, ...]]) -> None:
    tree = branches(continuations)
    assert all(len(tokens) == len(set(tokens)) for tokens in tree.values())
    logprobs = {before: {token: -1.0 - len(before) - token / 8 for token in tokens} for before, tokens in tree.items()}
    for continuation in continuations:
        expected = sum(-1.0 - at - token / 8 for at, token in enumerate(continuation))
        assert score(continuation, logprobs) == expected


def test_choices_that_begin_alike_share_what_they_begin_with() -> None:
    assert branches([(5, 1), (5, 2, 7), (6,)]) == {(): [5, 6], (5,): [1, 2], (5, 2): [7]}
