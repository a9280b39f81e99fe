"""Texts being written: all texts of several dialogues in one batch, over prompts that their texts share.

The texts of one dialogue sit in one *batch row*, which holds the dialogue's keys and values once, followed by those of
the texts' own tokens; a mask says what belongs to whom. A step is one forward pass over one token per text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from interplay_bench.engines.local.attention import masked
from interplay_bench.engines.local.continuation import Continuation
from interplay_bench.engines.local.prefill import KVStore, Piece, additive, visible
from interplay_bench.engines.local.prefix_trie import Path, Segment

SLOTS = 8
"""Texts in one batch row: more would attend past too many tokens of their neighbours."""
ALIGN = 64
"""Lengths are multiples of this: a CPU makes a kernel for every length, and they should be few."""


@dataclass(slots=True)
class SequenceSlot:
    """A text in a batch row: the next token to be read and its position."""

    continuation: Continuation
    path: Path
    column: int
    token: int
    position: int


@dataclass(slots=True)
class BatchRow:
    """The texts of one dialogue; ``filled``: how many KV slots of keys and values are taken."""

    slots: list[SequenceSlot]
    filled: int


def batch_rows_for(continuations: int) -> int:
    """How many batch rows so many texts of one segment need."""
    return -(-continuations // SLOTS)


class DecodingBatch:
    """The batch: a forward context (:class:`~interplay_bench.engines.local.attention.ForwardContext`) of at most
    ``count`` batch rows with ``kv_slots`` KV slots each, allocated once and written in place.

    ``together``: of how many texts neighbouring batch rows are attended to in one product, padded to the widest and
    longest of them (of one batch row at least).
    """

    def __init__(self, count: int, kv_slots: int, together: float) -> None:
        self.together = together
        self.count, self.kv_slots = count, _aligned(kv_slots)
        self.batch_rows: list[BatchRow] = []
        self.keys: dict[int, torch.Tensor] = {}
        self.values: dict[int, torch.Tensor] = {}
        self.allowed = torch.zeros(count, SLOTS, self.kv_slots, dtype=torch.bool)
        self.clean = 0
        self.step: _Step | None = None

    @property
    def free(self) -> int:
        """How many batch rows are empty."""
        return self.count - len(self.batch_rows)

    @property
    def continuations(self) -> int:
        """How many texts are being written."""
        return sum(len(batch_row.slots) for batch_row in self.batch_rows)

    def admit(self, piece: Piece, store: KVStore, slots: Sequence[SequenceSlot]) -> None:
        """Give the texts that start on a segment their batch rows, with a copy of the segment's keys and values."""
        count = batch_rows_for(len(slots))
        for n in range(count):
            self._admit(piece, store, list(slots[n::count]))

    def _admit(self, piece: Piece, store: KVStore, slots: list[SequenceSlot]) -> None:
        number, spans = len(self.batch_rows), piece.spans()
        size = sum(end - first for first, end in spans)
        self._clean(size)
        for ours, theirs in ((self.keys, store.keys), (self.values, store.values)):
            for layer, buffer in theirs.items():
                batch_row = self._buffer(ours, layer, buffer)[number]
                at = 0
                for first, end in spans:
                    batch_row[:, at : at + end - first] = buffer[0, :, first:end]
                    at += end - first
        self.allowed[number] = False
        for column, slot in enumerate(slots):
            slot.column = column
            continuation = visible(
                piece.segment, slot.path.fork, slot.path.branch_tokens, size - len(piece.segment), size
            )
            self.allowed[number, column, :size] = torch.tensor(continuation)
        self.batch_rows.append(BatchRow(slots, size))

    def _buffer(self, buffers: dict[int, torch.Tensor], layer: int, like: torch.Tensor) -> torch.Tensor:
        if layer not in buffers:
            buffers[layer] = like.new_empty(self.count, like.shape[1], self.kv_slots, like.shape[3])
            buffers[layer][:, :, : self.clean].zero_()
        return buffers[layer]

    def _clean(self, length: int) -> None:
        """Write zeros up to place ``length`` where nothing is yet: a masked place must still hold a number."""
        if length > self.clean:
            for buffers in (self.keys, self.values):
                for buffer in buffers.values():
                    buffer[:, :, self.clean : length].zero_()
            self.clean = length

    def begin(self) -> _Step:
        """Prepare a step: every text's token gets its place."""
        step = self.step = _Step()
        for number, batch_row in enumerate(self.batch_rows):
            for slot in batch_row.slots:
                self.allowed[number, slot.column, batch_row.filled] = True
                step.add(number, slot, batch_row.filled)
                batch_row.filled += 1
        self._clean(_aligned(max(batch_row.filled for batch_row in self.batch_rows)))
        first = 0
        while first < len(self.batch_rows):
            some = self._neighbours(first)
            width, length = (
                max(len(batch_row.slots) for batch_row in some),
                _aligned(max(batch_row.filled for batch_row in some)),
            )
            part = slice(first, first := first + len(some))
            step.parts.append(_Part(part, width, length, self.allowed[part, :width, :length]))
        return step

    def _neighbours(self, first: int) -> list[BatchRow]:
        """Batch text ``first`` and those after it that are attended to with it."""
        width, end = len(self.batch_rows[first].slots), first + 1
        while end < len(self.batch_rows):
            width = max(width, len(self.batch_rows[end].slots))
            if width * (end + 1 - first) > self.together:
                break
            end += 1
        return self.batch_rows[first:end]

    def kept(self, slot: SequenceSlot) -> tuple[dict[int, torch.Tensor], dict[int, torch.Tensor]]:
        """A copy of the keys and of the values that a text has seen, by layer, in the order of its tokens."""
        number = next(
            n for n, batch_row in enumerate(self.batch_rows) if any(slot is other for other in batch_row.slots)
        )
        kv_slots = self.allowed[number, slot.column, : self.batch_rows[number].filled].nonzero()[:, 0]
        return (
            {layer: buffer[number : number + 1, :, kv_slots.to(buffer.device)] for layer, buffer in self.keys.items()},
            {
                layer: buffer[number : number + 1, :, kv_slots.to(buffer.device)]
                for layer, buffer in self.values.items()
            },
        )

    def remove(self, slots: Iterable[SequenceSlot]) -> None:
        """Let finished texts go; an empty batch row is filled with the last one, so that the batch has no holes."""
        gone = {id(slot) for slot in slots}
        for number in reversed(range(len(self.batch_rows))):
            batch_row = self.batch_rows[number]
            batch_row.slots = [slot for slot in batch_row.slots if id(slot) not in gone]
            self._close_up(number)
            if not batch_row.slots:
                self._close(number)

    def _close_up(self, number: int) -> None:
        """Let a batch row's texts take its first columns: a step looks at no more columns than the fullest batch row
        has."""
        for column, slot in enumerate(self.batch_rows[number].slots):
            if slot.column != column:
                self.allowed[number, column] = self.allowed[number, slot.column]
                slot.column = column

    def _close(self, number: int) -> None:
        moved = self.batch_rows.pop()
        if number == len(self.batch_rows):
            return
        last = len(self.batch_rows)
        for buffers in (self.keys, self.values):
            for buffer in buffers.values():
                buffer[number, :, : moved.filled] = buffer[last, :, : moved.filled]
        self.allowed[number] = self.allowed[last]
        self.batch_rows[number] = moved

    def write(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`~interplay_bench.engines.local.attention.ForwardContext`."""
        assert self.step is not None
        batch_rows, _, kv_slots = self.step.indices(key.device)
        keys, values = self.keys[layer], self.values[layer]
        keys[batch_rows, :, kv_slots] = key[0].transpose(0, 1)
        values[batch_rows, :, kv_slots] = value[0].transpose(0, 1)
        return keys, values

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
        """See :class:`~interplay_bench.engines.local.attention.ForwardContext`."""
        assert self.step is not None
        batch_rows, columns, _ = self.step.indices(query.device)
        heads, tokens, size = key.shape[1], query.shape[2], query.shape[3]
        groups = query.shape[1] // heads
        # Query heads that share a key head become texts of that head: keys are read once and never repeated.
        asked = query.new_zeros(len(self.batch_rows), heads, groups, SLOTS, size)
        asked[batch_rows, :, :, columns] = query[0].view(heads, groups, tokens, size).permute(2, 0, 1, 3)
        seen = value.new_empty(*asked.shape[:4], value.shape[3])
        for part in self.step.parts:
            some, width, length = part.batch_rows, part.width, part.length
            found = masked(
                asked[some, :, :, :width].flatten(2, 3),
                key[some, :, :length],
                value[some, :, :length],
                scale,
                part.mask(query, groups),
            )
            seen[some, :, :, :width] = found.view(len(found), heads, groups, width, -1)
        return seen[batch_rows, :, :, columns].reshape(1, tokens, heads * groups, -1)


@dataclass(slots=True)
class _Part:
    """Batch texts that are attended to in one product, as ``width`` queries and ``length`` KV slots each."""

    batch_rows: slice
    width: int
    length: int
    visible: torch.Tensor
    _masks: dict[torch.device, torch.Tensor] = field(default_factory=dict)

    def mask(self, like: torch.Tensor, groups: int) -> torch.Tensor:
        """What the queries may attend to: batch rows x 1 x queries x KV slots, to be added to the scores."""
        if like.device not in self._masks:
            mask = additive(self.visible, like)
            self._masks[like.device] = mask[:, None].repeat(1, 1, groups, 1)
        return self._masks[like.device]


@dataclass(slots=True)
class _Step:
    """One token of every text: in which batch row and column, and at which place its key goes."""

    slots: list[SequenceSlot] = field(default_factory=list)
    where: list[tuple[int, int, int]] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)
    _indices: dict[torch.device, tuple[torch.Tensor, ...]] = field(default_factory=dict)

    def add(self, batch_row: int, slot: SequenceSlot, place: int) -> None:
        """Add a text."""
        self.slots.append(slot)
        self.where.append((batch_row, slot.column, place))

    def indices(self, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Batch texts, columns and KV slots of the texts, on ``device``."""
        if device not in self._indices:
            self._indices[device] = torch.tensor(self.where, device=device).unbind(1)
        return self._indices[device]


def _aligned(length: int) -> int:
    return -(-length // ALIGN) * ALIGN


def kv_slots_for(segment: Segment, context: int, continuations: int, tokens: int) -> int:
    """How many KV slots a batch row with texts starting on ``segment`` takes up in the end."""
    return context + len(segment) + min(continuations, SLOTS) * tokens
