"""Prompts to token ids: the chat template, the continuations, the context limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.chat_rendering import ChatRendering
from interplay_bench.engines.control_tokens import beginning
from interplay_bench.engines.language_model import Refusal
from interplay_bench.environment.errors import UsageError


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt with its continuations.

    ``sequences[i]`` are the token ids of the prompt and choice ``i`` together; its score is the log-probability of
    the ids from ``split`` on. ``split`` is the same for all choices: it is where the first of them departs from
    the prompt's own ids, since a tokenizer may merge across the seam. ``dropped_turns`` did not fit.
    """

    sequences: tuple[tuple[int, ...], ...]
    split: int
    dropped_turns: int


@dataclass(frozen=True, slots=True)
class Start:
    """A prompt to be continued: its token ids, the items that it calls named, and how many turns did not fit."""

    ids: tuple[int, ...]
    named: frozenset[str]
    dropped_turns: int

    @property
    def key(self) -> tuple[tuple[int, ...], frozenset[str]]:
        """What its text depends on."""
        return self.ids, self.named


class PromptEncoder:
    """Turns prompts into token ids that fit ``limit`` (tokens, prompt and continuation together)."""

    def __init__(self, tokenizer: Any, limit: int, template: dict[str, Any] | None = None) -> None:
        self.tokenizer = tokenizer
        self.limit = limit
        self.rendering = ChatRendering(tokenizer, template)
        self.opening = beginning(tokenizer)
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self.anchor = () if first is None else (first,)

    def text(self, prompt: Prompt) -> str:
        """Render a prompt through the chat template, or as it is; the prefix comes last."""
        return self.rendering.text(prompt)

    def starts(self, prompts: Sequence[Prompt], room: int) -> list[Start | Refusal]:
        """Encode prompts so that each leaves ``room`` tokens for a text."""
        found = self._shrink([(p, ("",)) for p in prompts], self.limit - room)
        return [
            f if isinstance(f, Refusal) else Start(f.sequences[0], prompt.named, f.dropped_turns)
            for f, prompt in zip(found, prompts, strict=True)
        ]

    def questions(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Question | Refusal]:
        """Encode each prompt with each of ``choices``."""
        if not choices or not all(choices):
            raise UsageError("A question needs choices, and none of them may be empty.")
        return self._shrink([(p, ("", *choices)) for p in prompts], self.limit)

    def _shrink(self, asked: Sequence[tuple[Prompt, tuple[str, ...]]], limit: int) -> list[Question | Refusal]:
        """Encode all; drop the oldest turns of those that are too long, until they fit or nothing is left to drop."""
        results: list[Question | Refusal | None] = [None] * len(asked)
        waiting = [(index, prompt, tails, 0) for index, (prompt, tails) in enumerate(asked)]
        while waiting:
            texts = [(self.text(prompt), prompt.chat, tails) for _, prompt, tails, _ in waiting]
            longer = []
            for (index, prompt, tails, dropped), ids in zip(waiting, self._encode(texts), strict=True):
                if max(map(len, ids)) <= limit:
                    results[index] = self._question(ids, dropped)
                elif (shorter := prompt.without_oldest()) is None:
                    results[index] = Refusal(
                        f"the prompt is too long: {max(map(len, ids))} tokens without any turn to drop, {limit} fit"
                    )
                else:
                    shorter, dropped = self._renderable(shorter, dropped + 1)
                    longer.append((index, shorter, tails, dropped))
            waiting = longer
        return [result for result in results if result is not None]

    def _renderable(self, prompt: Prompt, dropped: int) -> tuple[Prompt, int]:
        """The prompt without another turn where its template does not take it: roles may have to alternate."""
        shorter = prompt.without_oldest()
        if shorter is None or self.rendering.takes(prompt):
            return prompt, dropped
        return shorter, dropped + 1

    def _question(self, ids: list[tuple[int, ...]], dropped: int) -> Question | Refusal:
        bare, *sequences = ids
        split = min((common_prefix(bare, sequence) for sequence in sequences), default=len(bare))
        if split == 0:  # nothing stands before the first token: let the model's own beginning stand there
            if not self.anchor:
                return Refusal("the prompt is empty")
            bare, *sequences = [(*self.anchor, *sequence) for sequence in ids]
            split = len(self.anchor)
        return Question(tuple(sequences) or (bare,), min([split, *(len(s) - 1 for s in sequences)]), dropped)

    def _encode(self, texts: Sequence[tuple[str, bool, tuple[str, ...]]]) -> list[list[tuple[int, ...]]]:
        """Encode every text with each of its tails, all in one call of the tokenizer."""
        flat = [text + tail for text, _, tails in texts for tail in tails]
        encoded = iter(self.tokenizer(flat, add_special_tokens=False)["input_ids"] if flat else [])
        # A chat template writes its own beginning of text; a plain prompt gets the tokenizer's.
        return [[(*(() if chat else self.opening), *next(encoded)) for _ in tails] for _, chat, tails in texts]


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two sequences share at their beginning."""
    if one == other[: len(one)]:
        return len(one)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
