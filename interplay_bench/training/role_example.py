"""A dialogue as token ids with the mask of one role (eq. 1 and 2), made from the spans of its turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.dialogues.markup import action_token, role_token
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.engines.control_tokens import beginning, defuser
from interplay_bench.environment.errors import DataError
from interplay_bench.training.decision_labels import AS_WRITTEN, DecisionLabels


@dataclass(frozen=True, slots=True)
class RoleExample:
    """One dialogue for one role.

    ``ids``: what the model reads. ``weights``: one per id; 0 outside the role's turns, 1 within, or what the recipe
    gives a decision. ``labels``: the ids to be predicted, equal to ``ids`` but for decisions that the recipe relabels.
    ``turns``: for each id the index of its turn in the dialogue, -1 for the persona and the role tokens.
    ``dropped_turns``: the oldest, that did not fit. No turn depends on what came after it, not even by being there.
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

    def cut(self) -> RoleExample:
        """Without what comes after the last supervised token, which changes nothing that is learnt."""
        end = max(index for index, weight in enumerate(self.weights) if weight > 0) + 1
        return RoleExample(
            self.name, self.ids[:end], self.labels[:end], self.weights[:end], self.turns[:end], self.dropped_turns
        )


@dataclass(frozen=True, slots=True)
class ExampleEncoder:
    """Makes examples: ``tokenizer`` knows the markup, ``max_tokens`` is the longest example.

    ``decisions`` labels and weighs the tokens that answer recommendations; ``word_weight`` is that of all others.
    ``facts``: whether items come with their facts.
    """

    tokenizer: Any
    role: Role
    max_tokens: int = 2048
    decisions: DecisionLabels = AS_WRITTEN
    word_weight: float = 1.0
    facts: bool = False

    def learns(self, dialogue: Dialogue) -> bool:
        """Whether anything in ``dialogue`` is supervised."""
        if self.word_weight:
            return any(turn.role is self.role for turn in dialogue.turns)
        answered = (index for index in dialogue.proposals() if index + 1 < len(dialogue.turns))
        return self.role is Role.USER and any(self.decisions.of(dialogue, index)[1] for index in answered)

    def examples(self, dialogue: Dialogue) -> list[RoleExample]:
        """The example of ``dialogue``; several where it is too long, each turn being supervised in one of them.

        What stands before a turn never depends on what comes after it. Were the oldest turns dropped until the whole
        dialogue fits, a dialogue that begins amidst would be one that goes on for long: a model learns to wait.
        Raises :class:`DataError` where nothing is supervised.
        """
        prompt = training_prompt(dialogue.view(self.role, len(dialogue.turns)), self.facts)
        defused = defuser(self.tokenizer)
        messages = [defused(message.content) for message in prompt.messages]
        windows = [self._example(dialogue, messages, *window) for window in self._windows(dialogue, messages)]
        found = [window for window in windows if window.supervised]
        if not found:
            raise DataError(
                f"In the dialogue {dialogue.id!r} there is nothing of the {self.role} to learn: leave it out."
            )
        return found

    def _windows(self, dialogue: Dialogue, messages: list[str]) -> Iterator[tuple[int, int, int]]:
        """Ranges of turns that fit: (first, first supervised, end). The persona stands before each of them."""
        persona, *sizes = (len(ids) for ids in self.tokenizer(messages, add_special_tokens=False)["input_ids"])
        persona += len(beginning(self.tokenizer))
        first = done = 0
        while done < len(sizes):
            end = done
            while end < len(sizes) and persona + sum(sizes[first : end + 1]) <= self.max_tokens:
                end += 1
            if end == done:
                # As in a run, the oldest turns go; but half of what fits, so that the next turns need no window each.
                room = self.max_tokens - persona
                first = self._beginning(sizes, done, room // 2) or self._beginning(sizes, done, room) or len(sizes)
                if first > done:
                    raise DataError(
                        f"The persona and turn {done + 1} of the dialogue {dialogue.id!r} do not fit "
                        f"{self.max_tokens} tokens: raise max_tokens."
                    )
                continue
            yield first, done, end
            done = end

    @staticmethod
    def _beginning(sizes: list[int], turn: int, room: int) -> int | None:
        """The oldest turn from which on all up to ``turn`` fit ``room``; ``None`` where not even that one does."""
        return next((first for first in range(1, turn + 1) if sum(sizes[first : turn + 1]) <= room), None)

    def _example(self, dialogue: Dialogue, messages: list[str], first: int, supervised: int, end: int) -> RoleExample:
        """The persona and the turns ``first`` to ``end``, of which those from ``supervised`` on are learnt from."""
        shown = [messages[0], *messages[first + 1 : end + 1]]
        opening = list(beginning(self.tokenizer))
        encoded = self.tokenizer("".join(shown), add_special_tokens=False, return_offsets_mapping=True)
        ids = opening + list(encoded["input_ids"])
        starts = [start for start, _ in encoded["offset_mapping"]]
        turns = [-1] * len(opening) + list(_turn_of(list(_spans(dialogue, shown, first)), starts))
        learns = [at >= supervised and dialogue.turns[at].role is self.role for at in turns]
        weights = [self.word_weight * own for own in learns]
        labels = [*ids]
        for place, proposal in self._decisions(dialogue, turns):
            if learns[place]:
                action, weights[place] = self.decisions.of(dialogue, proposal)
                if action is not None:
                    labels[place] = int(self.tokenizer.convert_tokens_to_ids(action_token(action)))
        return RoleExample(dialogue.id, tuple(ids), tuple(labels), tuple(weights), tuple(turns), first)

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
