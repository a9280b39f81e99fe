"""The knowledge-enhanced prompt: words and entities of a context, fused, as keys and values for a language model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from interplay_bench.unicrs.batch import Batch
from interplay_bench.unicrs.entity_encoder import EntityEncoder, EntityVectors, Residual
from interplay_bench.unicrs.fusion import Affinity, fuse

Side = Literal["words", "entities"]
"""Which fused vectors make the prompt: words where the model is to talk, entities where it is to recommend."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys and values that a language model takes: ``layers`` pairs of (``heads``, n, ``head_size``)."""

    layers: int
    heads: int
    head_size: int

    @property
    def numbers(self) -> int:
        """How many numbers one prompt token has."""
        return self.layers * 2 * self.heads * self.head_size


@dataclass(frozen=True, slots=True)
class SoftPrompt:
    """A batch's prompts: ``states`` (layers, 2, B, heads, n, head size), and ``mask`` (B, n), true where there is."""

    states: torch.Tensor
    mask: torch.Tensor


class Prompter(nn.Module):
    """Makes prompts: ``prefix`` learnt tokens that are the task's own, then the fused words or entities.

    ``size``: the width of everything, the language model's own. ``word_size``: of the text encoder's vectors.
    ``fusion = False`` leaves the other side out: words are not told of entities, nor entities of words.
    """

    def __init__(
        self,
        entities: EntityEncoder,
        shape: Shape,
        size: int,
        word_size: int,
        prefix: int,
        affinity: Affinity,
        fusion: bool,
    ) -> None:
        super().__init__()
        self.entities = entities
        self.shape, self.affinity, self.fusion = shape, affinity, fusion
        self.refine_words = Residual(word_size)
        self.project_words = nn.Linear(word_size, size)
        self.affinity_weight = nn.Parameter(torch.empty(size, size))
        nn.init.kaiming_uniform_(self.affinity_weight, a=math.sqrt(5))
        self.prefix = nn.Parameter(torch.empty(prefix, size))
        nn.init.normal_(self.prefix)
        self.refine = Residual(size)
        self.project = nn.Linear(size, shape.numbers)

    def forward(self, batch: Batch, entities: EntityVectors, side: Side) -> SoftPrompt:
        """The prompts of ``batch``; ``entities`` has the vectors of those in it, from the encoder."""
        words = self.project_words(self.refine_words(batch.words.float()))
        named = entities.of(batch.entities)
        if self.fusion:
            words, named = fuse(words, named, self.affinity_weight, batch.word_mask, batch.entity_mask, self.affinity)
        body, mask = (words, batch.word_mask) if side == "words" else (named, batch.entity_mask)
        rows = len(body)
        whole = torch.cat([self.prefix.expand(rows, -1, -1), body], 1)
        there = torch.cat([mask.new_ones(rows, len(self.prefix)), mask], 1)
        shape = self.shape
        states = self.project(self.refine(whole)).reshape(
            rows, whole.shape[1], shape.layers, 2, shape.heads, shape.head_size
        )
        return SoftPrompt(states.permute(2, 3, 0, 4, 1, 5), there)
