"""Packing: whole dialogues end to end in one row, without padding; and how batches are formed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from interplay_bench.training.role_example import RoleExample

GROUP = 16
"""Batches that are sorted by length together: similar lengths in a batch, another order every epoch."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Examples in one row of T tokens, of which S are supervised.

    ``ids`` and ``positions``: 1 x T; positions begin anew with each example. ``segments``: the examples' lengths.
    ``places``: S, where a supervised token is predicted from (one before it). ``labels`` and ``weights``: S.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    segments: tuple[int, ...]
    places: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor

    def to(self, device: torch.device) -> Pack:
        """The same on ``device``."""
        moved = {name: getattr(self, name).to(device) for name in ("ids", "positions", "places", "labels", "weights")}
        return replace(self, **moved)

    def zero_weighted(self) -> Pack:
        """The same pack with a loss of zero: for a process without data that must take part in a collective step."""
        return replace(self, weights=torch.zeros_like(self.weights))

    @property
    def weight(self) -> float:
        """The sum of the weights: what the loss is divided by."""
        return float(self.weights.sum())

    def block_mask(self) -> torch.Tensor:
        """1 x 1 x T x T, true where a token may attend: for attention that needs it written out."""
        owner = torch.repeat_interleave(torch.arange(len(self.segments)), torch.tensor(self.segments))
        return (owner[:, None] == owner).tril()[None, None]


def pack(examples: Sequence[RoleExample]) -> Pack:
    """Lay ``examples`` end to end."""
    cut = [example.cut() for example in examples]
    lengths = tuple(len(example.ids) for example in cut)
    # An example's first token is never supervised, so that no prediction crosses into its neighbour.
    supervised = [place for place, weight in enumerate(w for e in cut for w in e.weights) if weight > 0]
    labels = torch.tensor([label for example in cut for label in example.labels])
    weights = torch.tensor([weight for example in cut for weight in example.weights])
    return Pack(
        ids=torch.tensor([[token for example in cut for token in example.ids]]),
        positions=torch.cat([torch.arange(length) for length in lengths])[None],
        segments=lengths,
        places=torch.tensor(supervised) - 1,
        labels=labels[supervised],
        weights=weights[supervised],
    )


def batches(examples: Sequence[RoleExample], size: int, seed: int, epoch: int) -> list[list[RoleExample]]:
    """An epoch's batches of ``size`` examples, alike in length within a batch; a function of ``seed`` and ``epoch``."""
    rng = random.Random(f"{seed}/{epoch}")
    order = list(examples)
    rng.shuffle(order)
    grouped: list[list[RoleExample]] = []
    for group in _chunks(order, size * GROUP):
        grouped += _chunks(sorted(group, key=lambda example: len(example.ids), reverse=True), size)
    rng.shuffle(grouped)
    return grouped


def _chunks(items: list[RoleExample], size: int) -> Iterator[list[RoleExample]]:
    return (items[start : start + size] for start in range(0, len(items), size))
