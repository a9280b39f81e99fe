"""Contexts as tensors: what the frozen models made of each one, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True, slots=True)
class Reading:
    """One context as the frozen models read it.

    ``states`` (n, h): the language model's states below the prompt. ``words`` (n_W, w): the text encoder's vectors.
    ``entities`` (n_E): numbers of entities. ``targets``: what is to be predicted: entities, or one token for each
    state (-1 where none is).
    """

    states: torch.Tensor
    words: torch.Tensor
    entities: torch.Tensor
    targets: torch.Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Several readings, padded at the end; a mask is true where there is something."""

    states: torch.Tensor
    mask: torch.Tensor
    words: torch.Tensor
    word_mask: torch.Tensor
    entities: torch.Tensor
    entity_mask: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Batch:
        """Join readings."""
        states, mask = _padded([reading.states for reading in readings])
        words, word_mask = _padded([reading.words for reading in readings])
        entities, entity_mask = _padded([reading.entities for reading in readings])
        targets = pad_sequence([reading.targets for reading in readings], batch_first=True, padding_value=-1)
        return cls(states, mask, words, word_mask, entities, entity_mask, targets)

    def last(self, states: torch.Tensor) -> torch.Tensor:
        """Of ``states`` (B, n, h), each row's last one that is no padding: (B, h)."""
        return states[torch.arange(len(states)), self.mask.sum(1) - 1]


def batches(sizes: Sequence[int], rows: int, shuffle: Callable[[int], Sequence[int]] | None = None) -> list[list[int]]:
    """Groups of ``rows`` places with similar ``sizes``, in the order that ``shuffle`` (a permutation of n) gives."""
    order = list(range(len(sizes))) if shuffle is None else list(shuffle(len(sizes)))
    pool = rows * 16  # sorted within so many, so that little is padded and the order stays nearly random
    groups = []
    for start in range(0, len(order), pool):
        near = sorted(order[start : start + pool], key=lambda place: sizes[place])
        groups += [near[at : at + rows] for at in range(0, len(near), rows)]
    return groups if shuffle is None else [groups[at] for at in shuffle(len(groups))]


def _padded(tensors: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    padded = pad_sequence(tensors, batch_first=True)
    return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]
