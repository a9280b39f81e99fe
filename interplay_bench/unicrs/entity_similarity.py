"""Likeness of entities: how near what they are called, and what the graph ties them to, is to each other."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from interplay_bench.unicrs.batch import Batch


def profiles(names: torch.Tensor, edges: torch.Tensor | None) -> torch.Tensor:
    """Vectors of unit length whose cosine is the likeness: (entities, n), as ``names`` are, in float32.

    Half of a profile is the entity's own name vector, half the mean of those of its neighbours: a film is its title,
    and its genres, its director and its cast. ``edges``: (2, m) sources and destinations, both ways; ``None`` for names
    alone. What all vectors have in common says nothing of any of them and is taken off.
    """
    own = _centred(names)
    if edges is None:
        return own
    sources, destinations = edges
    around = torch.zeros_like(own).index_add_(0, destinations, own[sources])
    return _centred(own + normalize(around, dim=-1))


def likeness(vectors: torch.Tensor, batch: Batch, candidates: torch.Tensor) -> torch.Tensor:
    """Each candidate's mean cosine with the entities of a context: (B, candidates); 0 for a context without any."""
    there = batch.entity_mask[..., None]
    mentioned = (vectors[batch.entities] * there).sum(1) / there.sum(1).clamp(min=1)
    return mentioned @ vectors[candidates].T


def _centred(vectors: torch.Tensor) -> torch.Tensor:
    """Directions less their mean, of unit length."""
    unit = normalize(vectors.float(), dim=-1)
    return normalize(unit - unit.mean(0), dim=-1)
