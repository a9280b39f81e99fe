"""Conversation: stage 2, and the response templates that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from interplay_bench.unicrs.batch import Batch, Reading
from interplay_bench.unicrs.language import FrozenLanguageModel
from interplay_bench.unicrs.prompter import Prompter


class Writer(nn.Module):
    """Writes responses with slots for items; the prompt is of fused words.

    What learns beside the prompt is the slot's row in the output, which the frozen vocabulary has not.
    """

    def __init__(self, language: FrozenLanguageModel, prompter: Prompter) -> None:
        super().__init__()
        self._language = language
        self.prompter = prompter
        self.slot = nn.Parameter(language.slot_vector.detach().float().clone())

    def loss(self, batch: Batch) -> tuple[torch.Tensor, int]:
        """The sum of cross-entropies (nats) over the tokens of all responses, and how many these are."""
        prompt = self.prompter(batch, self.prompter.entities(batch.entities.flatten()), "words")
        states = self._language.above(batch.states, batch.mask, prompt.mask, self._language.cache(prompt))
        there = batch.targets >= 0
        logits = self._language.logits(states[there], self.slot)
        return nn.functional.cross_entropy(logits, batch.targets[there], reduction="sum"), int(there.sum())

    @torch.no_grad()
    def write(
        self,
        readings: Sequence[Reading],
        tokens: Sequence[Sequence[int]],
        limit: int,
        always: bool,
    ) -> list[list[int]]:
        """Greedy responses of at most ``limit`` tokens, their end left out.

        ``tokens``: the contexts' own, as the language model is shown them. With ``always``, a response that came
        without a slot is cut where a slot was likeliest and ends in one there.
        """
        language = self._language
        ids = pad_sequence([torch.tensor(row, dtype=torch.long) for row in tokens], batch_first=True)
        lengths = torch.tensor([len(row) for row in tokens])
        mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
        batch = Batch.of(readings)
        prompt = self.prompter(batch, self.prompter.entities(batch.entities.flatten()), "words")
        lower, upper = language.cache(), language.cache(prompt)
        states = language.above(language.below(ids, mask, lower), mask, prompt.mask, upper)
        last = states[torch.arange(len(ids)), lengths - 1]
        rows = _Rows(language, len(ids))
        for step in range(limit):
            chosen = rows.add(language.logits(last, self.slot))
            if rows.done or step == limit - 1:
                break
            mask = torch.cat([mask, mask.new_ones(len(ids), 1)], 1)
            states = language.above(language.below(chosen[:, None], mask, lower), mask, prompt.mask, upper)
            last = states[:, -1]
        return rows.finished(always)


class _Rows:
    """Responses in the making."""

    def __init__(self, language: FrozenLanguageModel, count: int) -> None:
        self._language = language
        self._ids: list[list[int]] = [[] for _ in range(count)]
        self._open = [True] * count
        self._slots: list[list[float]] = [[] for _ in range(count)]

    @property
    def done(self) -> bool:
        return not any(self._open)

    def add(self, logits: torch.Tensor) -> torch.Tensor:
        """Take each row's likeliest token; return the tokens, of rows that have ended too."""
        chosen = logits.argmax(-1)
        slots = logits.log_softmax(-1)[:, self._language.slot]
        for row, (token, slot) in enumerate(zip(chosen.tolist(), slots.tolist(), strict=True)):
            if not self._open[row]:
                continue
            self._slots[row].append(slot)
            if self._ends(token):
                self._open[row] = False
            else:
                self._ids[row].append(token)
        return chosen

    def finished(self, always: bool) -> list[list[int]]:
        return [
            [*ids[: max(range(len(slots)), key=slots.__getitem__)], self._language.slot]
            if always and self._language.slot not in ids
            else ids
            for ids, slots in zip(self._ids, self._slots, strict=True)
        ]

    def _ends(self, token: int) -> bool:
        if token == self._language.end:
            return True
        tokenizer: Any = self._language.tokenizer
        return token != self._language.slot and "\n" in tokenizer.decode([token])
