"""The markup as a grammar over tokens: which structural tokens cannot come next in a reply.

A fine-tuned model has the markup's tokens as single ones of its vocabulary. Barring those that would break a reply
(a title within a title, an end within a title, an action within a response, an end before the first word) leaves
every other token's score as it is: a reply that would have been well-formed is written as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Any

from interplay_bench.dialogues.markup import ACTION_OPEN, RESPONSE_OPEN, is_structural, title_domain, title_tokens


class State(Enum):
    """Where in a reply the next token stands."""

    BEFORE = auto()
    BEGINNING = auto()
    WITHIN = auto()


GrammarState = State | int
"""A state; within a title, the token that closes it."""


def title_pairs(tokenizer: Any) -> dict[int, int]:
    """The tokens that open a title, each with the one that closes it."""
    added: dict[str, int] = tokenizer.get_added_vocab()
    domains = {number: domain for token, number in added.items() if (domain := title_domain(token))}
    closing = {number: added.get(title_tokens(domain)[1]) for number, domain in domains.items()}
    return {number: close for number, close in closing.items() if close is not None}


class Grammar:
    """What bars a token where; nothing, for a tokenizer that spells the markup in ordinary tokens.

    ``ends``: the tokens that end a text.
    """

    def __init__(self, tokenizer: Any, ends: Iterable[int]) -> None:
        added: dict[str, int] = tokenizer.get_added_vocab()
        structural = {number for token, number in added.items() if is_structural(token)}
        self._ends, self._inner = frozenset(ends), frozenset(structural) - frozenset(ends)
        self._action, self._response = added.get(ACTION_OPEN), added.get(RESPONSE_OPEN)
        self._titles = title_pairs(tokenizer)
        if self._response is None:
            self._inner, self._titles = frozenset(), {}

    def start(self, prompt: Sequence[int]) -> GrammarState:
        """Where the first token after ``prompt`` stands: what follows the last opened action is of the reply."""
        place: GrammarState = State.BEFORE
        if self._response is None or self._action not in prompt:
            return place
        for token in prompt[len(prompt) - 1 - prompt[::-1].index(self._action) :]:
            place = self.after(place, token)
        return place

    def after(self, place: GrammarState, token: int) -> GrammarState:
        """Where the token after ``token`` stands."""
        if token == self._response:
            return State.BEGINNING
        if place is State.BEFORE:
            return place
        if token in self._titles:
            return self._titles[token]
        return place if isinstance(place, int) and token != place else State.WITHIN

    def disallowed(self, place: GrammarState) -> frozenset[int]:
        """The tokens that cannot come next."""
        if place is State.BEFORE:
            return frozenset()
        if place is State.WITHIN:
            return self._inner - self._titles.keys()
        if place is State.BEGINNING:
            return (self._inner - self._titles.keys()) | self._ends
        return (self._inner | self._ends) - {place}
