"""A dialogue as token ids with the mask of one role (eq. 1 and 2), made from the spans of its turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal

from interplay_bench.dialogue import Action, Dialogue, Role
from interplay_bench.errors import DataError
from interplay_bench.markup import action_token, role_token
from interplay_bench.prompting import training_prompt


@dataclass(frozen=True, slots=True)
class Example:
    """One dialogue for one role.

    ``ids``: what the model reads. ``weights``: one per id; 0 outside the role's turns, 1 within, or what the recipe
    gives a decision. ``labels``: the ids to be predicted, equal to ``ids`` but for decisions that the recipe relabels.
    ``turns``: for each id the index of its turn in the dialogue, -1 for the persona and the role tokens.
    ``dropped_turns``: the oldest, that did not fit.
    """

    name: str
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    weights: tuple[float, ...]
    turns: tuple[int, ...]
    dropped_turns: int = 0

    @property
    def mask(self) -> tuple[bool, ...]:
        """Eq. 1's mask."""
        return tuple(weight > 0 for weight in self.weights)

    @property
    def supervised(self) -> int:
        """How many tokens the loss is taken over."""
        return sum(self.mask)

    def cut(self) -> Example:
        """Without what comes after the last supervised token, which changes nothing that is learnt."""
        end = max(index for index, weight in enumerate(self.weights) if weight > 0) + 1
        return Example(
            self.name, self.ids[:end], self.labels[:end], self.weights[:end], self.turns[:end], self.dropped_turns
        )


@dataclass(frozen=True, slots=True)
class Encoder:
    """Makes examples: ``tokenizer`` knows the markup, ``max_tokens`` is the longest example."""

    tokenizer: Any
    role: Role
    max_tokens: int = 2048
    decision_weight: float = 1.0
    decisions: Literal["labels", "target"] = "labels"

    def __call__(self, dialogue: Dialogue) -> Example:
        """The example of ``dialogue``; one in which nothing is supervised is a :class:`DataError`."""
        ids, spans, opening, dropped = self._fit(dialogue)
        turns = [-1] * opening + list(_turn_of(spans, ids[1]))
        weights = [float(at >= 0 and dialogue.turns[at].role is self.role) for at in turns]
        labels = [*ids[0]]
        for place, turn in self._decisions(dialogue, turns):
            weights[place] = self.decision_weight
            if self.decisions == "target":
                labels[place] = self._verdict(dialogue, turn)
        if not any(weights):
            raise DataError(
                f"In the dialogue {dialogue.id!r} no token of the {self.role} is left to learn from "
                f"({dropped} turns dropped to fit {self.max_tokens} tokens): leave it out, or raise max_tokens."
            )
        return Example(dialogue.id, tuple(ids[0]), tuple(labels), tuple(weights), tuple(turns), dropped)

    def _fit(self, dialogue: Dialogue) -> tuple[tuple[list[int], list[int]], list[tuple[int, int, int]], int, int]:
        """Encode, dropping the oldest turns until what is left fits.

        Returns the ids and the character at which each of them begins, the spans of turns, how many ids stand before
        the text, and how many turns were dropped.
        """
        opening = list(self.tokenizer("")["input_ids"])
        prompt = training_prompt(dialogue.view(self.role, len(dialogue.turns)))
        for dropped in range(len(dialogue.turns) + 1):
            messages = [message.content for message in prompt.messages]
            encoded = self.tokenizer("".join(messages), add_special_tokens=False, return_offsets_mapping=True)
            if len(opening) + len(encoded["input_ids"]) <= self.max_tokens:
                starts = [start for start, _ in encoded["offset_mapping"]]
                ids = opening + list(encoded["input_ids"])
                return (ids, starts), list(_spans(dialogue, messages, dropped)), len(opening), dropped
            shorter = prompt.without_oldest()
            if shorter is None:
                break
            prompt = shorter
        raise DataError(
            f"The persona and last turn of the dialogue {dialogue.id!r} do not fit {self.max_tokens} tokens: raise "
            "max_tokens."
        )

    def _decisions(self, dialogue: Dialogue, turns: list[int]) -> Iterator[tuple[int, int]]:
        """Places of the action tokens with which the user answers a recommendation, with the turn that made it."""
        if self.role is not Role.USER:
            return
        # The tokens of a turn are: <action>, the action's token, ... (both structural, so one token each).
        seen: dict[int, int] = {}
        for place, turn in enumerate(turns):
            if turn >= 0:
                seen[turn] = seen.get(turn, 0) + 1
                answers = turn > 0 and bool(dialogue.turns[turn - 1].recommended)
                if seen[turn] == 2 and answers and dialogue.turns[turn].role is Role.USER:
                    yield place, turn - 1

    def _verdict(self, dialogue: Dialogue, proposal: int) -> int:
        action = Action.ACCEPT if dialogue.target in dialogue.turns[proposal].recommended else Action.FEEDBACK
        return int(self.tokenizer.convert_tokens_to_ids(action_token(action)))


def _spans(dialogue: Dialogue, messages: list[str], dropped: int) -> Iterator[tuple[int, int, int]]:
    """Where each turn, without its role token, stands in the joined ``messages``: (first, end, index of the turn)."""
    ends = list(accumulate(map(len, messages)))
    for index, (start, end) in enumerate(pairwise(ends), start=dropped):
        yield start + len(role_token(dialogue.turns[index].role)), end, index


def _turn_of(spans: list[tuple[int, int, int]], starts: list[int]) -> Iterator[int]:
    """For every token, by the character it begins at, its turn's index; -1 outside of all."""
    remaining = iter(spans)
    first, end, index = next(remaining, (1 << 60, 1 << 60, -1))
    for start in starts:
        while start >= end:
            first, end, index = next(remaining, (1 << 60, 1 << 60, -1))
        yield index if start >= first else -1
