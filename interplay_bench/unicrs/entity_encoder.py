"""Vectors of all entities: learnt rows, made aware of their neighbours by relational graph convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from interplay_bench.environment.extras import require
from interplay_bench.unicrs.graph import KnowledgeGraph


class Residual(nn.Module):
    """``x + MLP(x)`` with a bottleneck of half the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Linear(width // 2, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape in, shape out."""
        out: torch.Tensor = x + self.layers(x)
        return out


@dataclass(frozen=True, slots=True)
class EntityVectors:
    """Vectors of some entities: a ``table`` (n, size), and each entity's ``place`` in it (-1: not among them)."""

    table: torch.Tensor
    place: torch.Tensor

    def of(self, numbers: torch.Tensor) -> torch.Tensor:
        """The vectors of entities by number: (..., size)."""
        return self.table[self.place[numbers]]


class EntityEncoder(nn.Module):
    """Encodes entities of a graph as vectors of ``size`` numbers.

    ``width``: of the rows and the convolution (Schlichtkrull et al. 2018), whose relations share ``bases`` matrices.
    ``convolution = False`` leaves the graph out: rows alone. ``names``: (entities, n) text vectors of the entities'
    names, which join the rows through a learnt projection; ``None`` for rows alone, as in the paper.
    """

    edges: torch.Tensor
    kinds: torch.Tensor
    names: torch.Tensor | None

    def __init__(
        self, graph: KnowledgeGraph, size: int, width: int, bases: int, convolution: bool, names: torch.Tensor | None
    ) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(len(graph.names), width))
        nn.init.xavier_uniform_(self.rows)
        self.register_buffer("names", names, persistent=False)
        self.describe = nn.Linear(names.shape[1], width, bias=False) if names is not None else None
        edges, kinds = both_ways(graph)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("kinds", kinds, persistent=False)
        self.convolution = _convolution(width, 2 * len(graph.relations), bases) if convolution else None
        self.refine = Residual(width)
        self.project = nn.Linear(width, size)

    def forward(self, wanted: torch.Tensor) -> EntityVectors:
        """The vectors of ``wanted`` entities, by number, in any order. Their neighbours are all that is looked at."""
        numbers = torch.unique(wanted)
        place = torch.full((len(self.rows),), -1, dtype=torch.long)
        place[numbers] = torch.arange(len(numbers))
        vectors = self._described(numbers)
        if self.convolution is not None:
            into = place[self.edges[1]] >= 0
            sources, edge_sources = torch.unique(self.edges[0, into], return_inverse=True)
            edges = torch.stack([edge_sources, place[self.edges[1, into]]])
            vectors = vectors + self.convolution((self._described(sources), vectors), edges, self.kinds[into])
        return EntityVectors(self.project(self.refine(vectors)), place)

    def _described(self, numbers: torch.Tensor) -> torch.Tensor:
        """The rows of entities before the convolution."""
        rows = self.rows[numbers]
        if self.describe is not None and self.names is not None:
            rows = rows + self.describe(self.names[numbers].float())
        return rows


def both_ways(graph: KnowledgeGraph) -> tuple[torch.Tensor, torch.Tensor]:
    """The edges as (2, n) sources and destinations, and their kinds (n): a relation, or its inverse."""
    edges = torch.tensor(graph.edges, dtype=torch.long).reshape(-1, 3)
    heads, kinds, tails = edges.unbind(1)
    forth, back = torch.stack([heads, tails]), torch.stack([tails, heads])
    return torch.cat([forth, back], 1), torch.cat([kinds, kinds + len(graph.relations)])


def graph_convolution() -> Any:
    """The library's layer."""
    return require("torch_geometric.nn", "unicrs").RGCNConv


def _convolution(width: int, relations: int, bases: int) -> nn.Module:
    layer: nn.Module = graph_convolution()(width, width, relations, num_bases=bases)
    return layer
