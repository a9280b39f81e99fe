"""Reads contexts with the two frozen models, once, ahead of any training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from interplay_bench.environment.progress import Progress, silent
from interplay_bench.unicrs.batch import Reading, batches
from interplay_bench.unicrs.language import FrozenLanguageModel
from interplay_bench.unicrs.text_encoder import FrozenTextEncoder
from interplay_bench.unicrs.unicrs_example import Context

ROWS = 32


class Reader:
    """Makes readings. ``context_tokens``: how many of a context's last tokens the language model is shown.

    The text encoder's vectors are kept by text, as the stages share contexts.
    """

    def __init__(self, language: FrozenLanguageModel, encoder: FrozenTextEncoder, context_tokens: int) -> None:
        self.language, self.encoder, self.context_tokens = language, encoder, context_tokens
        self._words: dict[str, torch.Tensor] = {}

    def tokens(self, context: Context) -> list[int]:
        """The end of a context, as the language model sees it."""
        return self.language.encode(context.text)[-self.context_tokens :]

    def read(
        self,
        contexts: Sequence[Context],
        tails: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        progress: Progress = silent,
        title: str = "read",
    ) -> list[Reading]:
        """A reading for each context, followed by the tokens of its tail, with its targets."""
        ids = [[*self.tokens(context), *tail] for context, tail in zip(contexts, tails, strict=True)]
        new = list(dict.fromkeys(c.lines for c in contexts if c.lines not in self._words))
        with progress(title, len(ids) + len(new), 0) as advance:
            self._words.update(zip(new, self.encoder.encode(new, advance), strict=True))
            states: list[torch.Tensor] = [torch.empty(0)] * len(ids)
            for places in batches([len(row) for row in ids], ROWS):
                for place, found in zip(places, self._below([ids[place] for place in places]), strict=True):
                    states[place] = found
                advance(len(places))
        return [
            Reading(
                states[place],
                self._words[context.lines],
                torch.tensor(context.entities, dtype=torch.long),
                torch.tensor(targets[place], dtype=torch.long),
            )
            for place, context in enumerate(contexts)
        ]

    def forget(self) -> None:
        """Let go of the text encoder's vectors."""
        self._words.clear()

    def _below(self, rows: list[list[int]]) -> list[torch.Tensor]:
        lengths = [len(row) for row in rows]
        ids = pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True)
        mask = torch.arange(ids.shape[1])[None] < torch.tensor(lengths)[:, None]
        states = self.language.below(ids, mask)
        return [states[row, :length].clone() for row, length in enumerate(lengths)]
