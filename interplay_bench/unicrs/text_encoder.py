"""The frozen text encoder: texts to one vector a token, each text encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from interplay_bench.engines.pretrained.opening import open_encoder, open_tokenizer
from interplay_bench.environment.progress import Advance
from interplay_bench.metrics.match_score.encoding import find_encoder

ROWS = 32
"""Texts encoded at a time, of similar length."""


class FrozenTextEncoder:
    """Any BERT-like encoder: a folder, a hub name, or the package's MiniLM. Nothing in it learns.

    Of a text longer than ``limit`` tokens the last ones are read, since a dialogue's end matters most.
    """

    def __init__(self, name: str, limit: int) -> None:
        found = find_encoder(name)
        self.name, self.folder, self.limit = name, Path(found.folder), limit
        self._tokenizer: Any = open_tokenizer(self.folder, truncation_side="left")
        self._model: Any = open_encoder(self.folder)
        self.size = int(self._model.config.hidden_size)

    @torch.no_grad()
    def encode(self, texts: Sequence[str], advance: Advance = lambda amount: None) -> list[torch.Tensor]:
        """Each text's token vectors, (n, size) in half precision; an empty text has those of the markers."""
        ids = [self._tokenizer(text, truncation=True, max_length=self.limit)["input_ids"] for text in texts]
        out: list[torch.Tensor] = [torch.empty(0)] * len(ids)
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        for start in range(0, len(order), ROWS):
            places = order[start : start + ROWS]
            longest = len(ids[places[-1]])
            rows = torch.zeros(len(places), longest, dtype=torch.long)
            mask = torch.zeros(len(places), longest, dtype=torch.long)
            for row, place in enumerate(places):
                rows[row, : len(ids[place])] = torch.tensor(ids[place])
                mask[row, : len(ids[place])] = 1
            states = self._model(input_ids=rows, attention_mask=mask).last_hidden_state
            for row, place in enumerate(places):
                out[place] = states[row, : len(ids[place])].half()
            advance(len(places))
        return out
