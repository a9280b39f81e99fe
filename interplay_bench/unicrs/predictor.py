"""Prediction of entities: stage 1 (all of them, new in the next turn) and stage 3 (items, in the recommender's)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from interplay_bench.unicrs.batch import Batch, Reading
from interplay_bench.unicrs.entity_encoder import EntityVectors
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

    The prompt is of fused entities. ``bias``: give each candidate a learnt number of its own. ``names`` (entities, n):
    text vectors of unit length; a candidate's mean cosine with the context's entities, times a learnt number, joins.
    """

    candidates: torch.Tensor
    names: torch.Tensor | None

    def __init__(
        self,
        language: FrozenLanguageModel,
        prompter: Prompter,
        candidates: tuple[int, ...],
        bias: bool,
        names: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self._language = language
        self.prompter = prompter
        self.register_buffer("candidates", torch.tensor(candidates, dtype=torch.long), persistent=False)
        self.bias = nn.Parameter(torch.zeros(len(candidates))) if bias else None
        # Names have much in common, which says nothing of any of them.
        self.register_buffer("names", None if names is None else _centred(names), persistent=False)
        # How much a likeness counts, over PACE, and how much the state's score does.
        self.weights = None if names is None else nn.Parameter(torch.tensor([0.0, STATE_SHARE]))
        places = torch.full((len(prompter.entities.rows),), -1, dtype=torch.long)
        places[self.candidates] = torch.arange(len(candidates))
        self._places = places

    def expect(self, readings: Iterable[Reading]) -> None:
        """Let the biases, where there are any, begin at the logarithms of how often candidates are targets.

        What is popular is then known, and what is learnt is what depends on the context.
        """
        if self.bias is None:
            return
        counts = torch.full_like(self.bias, UNSEEN)
        for reading in readings:
            counts[self._places[reading.targets]] += 1
        with torch.no_grad():
            self.bias.copy_(counts.log())

    def scores(self, batch: Batch, entities: EntityVectors) -> torch.Tensor:
        """Logits (B, candidates), float32; ``entities`` has the candidates' vectors and those of the batch."""
        prompt = self.prompter(batch, entities, "entities")
        states = self._language.above(batch.states, batch.mask, prompt.mask, self._language.cache(prompt))
        # A plain product, as in the paper; the state is scaled to unit variance, which models differ in.
        last = nn.functional.layer_norm(batch.last(states).float(), (states.shape[-1],))
        out: torch.Tensor = last @ entities.of(self.candidates).T
        if self.weights is not None:
            likeness, share = self.weights
            out = share * out + PACE * likeness * self._alike(batch)
        return out if self.bias is None else out + self.bias

    def _alike(self, batch: Batch) -> torch.Tensor:
        """Each candidate's mean cosine with the entities of the context: (B, candidates); 0 without any."""
        assert self.names is not None
        there = batch.entity_mask[..., None]
        mentioned = (self.names[batch.entities] * there).sum(1) / there.sum(1).clamp(min=1)
        return mentioned @ self.names[self.candidates].T

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


def _centred(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of unit length, less what they have in common."""
    return nn.functional.normalize(vectors.float() - vectors.float().mean(0), dim=-1)
