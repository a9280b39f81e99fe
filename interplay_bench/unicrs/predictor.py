"""Prediction of entities: stage 1 (all of them, new in the next turn) and stage 3 (items, in the recommender's)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from interplay_bench.unicrs.batch import Batch, Reading
from interplay_bench.unicrs.entity_encoder import EntityVectors
from interplay_bench.unicrs.entity_similarity import likeness
from interplay_bench.unicrs.language import FrozenLanguageModel
from interplay_bench.unicrs.prompter import Prompter

UNSEEN = 0.5
"""What a candidate that is never a target counts where frequencies are taken."""

STATE_SHARE = 0.2
"""What the state's score begins at beside a likeness: what is alike and what is popular is the better first guess."""
PACE = 100.0
"""How many times faster than the rest the likeness is learnt: it is one number, and large."""


class Predictor(nn.Module):
    """Scores ``candidates`` (entities, by number) by the language model's last state times their vectors.

    The prompt is of fused entities. ``bias``: let the logarithm of how often a candidate is a target join its score.
    ``profiles`` (entities, n), see :mod:`entity_similarity`: let a candidate's likeness to the context's
    entities join, times a learnt number.
    """

    candidates: torch.Tensor
    counts: torch.Tensor | None
    profiles: torch.Tensor | None

    def __init__(
        self,
        language: FrozenLanguageModel,
        prompter: Prompter,
        candidates: tuple[int, ...],
        bias: bool,
        profiles: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self._language = language
        self.prompter = prompter
        self.register_buffer("candidates", torch.tensor(candidates, dtype=torch.long), persistent=False)
        self.register_buffer("counts", torch.full((len(candidates),), UNSEEN) if bias else None)
        self.register_buffer("profiles", profiles, persistent=False)
        # How much a likeness counts, over PACE, and how much the state's score does.
        self.weights = None if profiles is None else nn.Parameter(torch.tensor([0.0, STATE_SHARE]))
        places = torch.full((len(prompter.entities.rows),), -1, dtype=torch.long)
        places[self.candidates] = torch.arange(len(candidates))
        self._places = places

    def expect(self, readings: Iterable[Reading]) -> None:
        """Count how often each candidate is a target, where that is to join the scores.

        What is popular is then known, and what is learnt is what depends on the context.
        """
        if self.counts is None:
            return
        self.counts.fill_(UNSEEN)
        for reading in readings:
            self.counts[self._places[reading.targets]] += 1

    def scores(self, batch: Batch, entities: EntityVectors) -> torch.Tensor:
        """Logits (B, candidates), float32; ``entities`` has the candidates' vectors and those of the batch."""
        prompt = self.prompter(batch, entities, "entities")
        states = self._language.above(batch.states, batch.mask, prompt.mask, self._language.cache(prompt))
        # A plain product, as in the paper; the state is scaled to unit variance, which models differ in.
        last = nn.functional.layer_norm(batch.last(states).float(), (states.shape[-1],))
        out: torch.Tensor = last @ entities.of(self.candidates).T
        if self.weights is not None and self.profiles is not None:
            weight, share = self.weights
            out = share * out + PACE * weight * likeness(self.profiles, batch, self.candidates)
        return out if self.counts is None else out + self._popularity(batch)

    def vectors(self, batch: Batch | None = None) -> EntityVectors:
        """The vectors that ``batch`` needs; of all entities, without one."""
        encoder = self.prompter.entities
        wanted = torch.arange(len(encoder.rows)) if batch is None else batch.entities.flatten()
        vectors: EntityVectors = encoder(torch.cat([self.candidates, wanted]))
        return vectors

    def loss(self, batch: Batch) -> tuple[torch.Tensor, int]:
        """The sum of cross-entropies (nats) over all targets, and how many these are."""
        logprobs = self.scores(batch, self.vectors(batch)).log_softmax(-1)
        there = batch.targets >= 0
        places = self._places[batch.targets.clamp(min=0)]
        if bool((places[there] < 0).any()):
            raise ValueError("a target is no candidate")
        found = logprobs.gather(1, places.clamp(min=0))
        return -found[there].sum(), int(there.sum())

    def _popularity(self, batch: Batch) -> torch.Tensor:
        """The logarithm of each candidate's count: (B, candidates).

        A batch that is learnt from is among what was counted; its own targets are taken off, since a count that knew
        them would leave nothing for the context to explain.
        """
        assert self.counts is not None
        counts = self.counts.expand(len(batch.targets), -1)
        if self.training:
            there = batch.targets >= 0
            own = torch.zeros_like(counts)
            own.scatter_add_(1, self._places[batch.targets.clamp(min=0)].clamp(min=0), there.to(counts.dtype))
            counts = (counts - own).clamp(min=UNSEEN)
        return counts.log()
