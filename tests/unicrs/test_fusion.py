"""The fusion against the paper's equations, written out number by number."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from interplay_bench.unicrs.fusion import Affinity, fuse


def plainly(words: list[Any], entities: list[Any], weight: list[Any], kind: Affinity) -> tuple[list[Any], list[Any]]:
    """A = T W E^T; T~ = T + A E; E~ = E + A^T T; with ``softmax``, A over sqrt(d) and normalised for each sum."""
    size = range(len(weight))
    affinity = [
        [sum(word[i] * weight[i][j] * entity[j] for i in size for j in size) for entity in entities] for word in words
    ]

    def shares(scores: list[float]) -> list[float]:
        if kind == "bilinear":
            return scores
        raised = [math.exp(score / math.sqrt(len(weight))) for score in scores]
        return [value / sum(raised) for value in raised]

    def fused(own: list[Any], others: list[Any], scores: list[list[float]]) -> list[Any]:
        return [
            [vector[i] + sum(share * other[i] for share, other in zip(shares(row), others, strict=True)) for i in size]
            for vector, row in zip(own, scores, strict=True)
        ]

    turned = [[row[place] for row in affinity] for place in range(len(entities))]
    return fused(words, entities, affinity), fused(entities, words, turned)


@pytest.mark.parametrize("kind", ["softmax", "bilinear"])
def test_it_is_the_papers(kind: Affinity) -> None:
    chance = torch.Generator().manual_seed(0)
    size, lengths = 5, [(4, 3), (2, 1), (3, 0), (1, 2)]
    weight = torch.randn(size, size, generator=chance, dtype=torch.float64)
    words, entities = (torch.randn(4, n, size, generator=chance, dtype=torch.float64) for n in (4, 3))
    word_mask, entity_mask = (
        torch.tensor([[place < pair[side] for place in range(n)] for pair in lengths]) for side, n in ((0, 4), (1, 3))
    )
    fused_words, fused_entities = fuse(words, entities, weight, word_mask, entity_mask, kind)
    for row, (n, m) in enumerate(lengths):
        wanted = plainly(words[row, :n].tolist(), entities[row, :m].tolist(), weight.tolist(), kind)
        for found, plain in ((fused_words[row, :n], wanted[0]), (fused_entities[row, :m], wanted[1])):
            torch.testing.assert_close(found, torch.tensor(plain, dtype=torch.float64).reshape(-1, size))


@pytest.mark.parametrize("kind", ["softmax", "bilinear"])
def test_nothing_mentioned_leaves_the_words_as_they_are(kind: Affinity) -> None:
    words = torch.randn(2, 3, 4)
    mask = torch.ones(2, 3, dtype=torch.bool)
    none = torch.zeros(2, 0, 4), mask[:, :0]
    fused, _ = fuse(words, none[0], torch.randn(4, 4), mask, none[1], kind)
    assert torch.equal(fused, words)
