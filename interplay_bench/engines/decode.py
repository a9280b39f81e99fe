"""Texts being written: all rows of several dialogues in one batch, over prompts that their rows share.

The rows of one dialogue sit in one *lane*, which holds the dialogue's keys and values once, followed by those of
the rows' own tokens; a mask says what belongs to whom. A step is one forward pass over one token per row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from interplay_bench.engines.attention import masked
from interplay_bench.engines.prefill import Piece, Store, additive, visible
from interplay_bench.engines.row import Row
from interplay_bench.engines.trie import Limb, Path

LANE_ROWS = 8
"""Rows in one lane: more would attend past too many tokens of their neighbours."""
ALIGN = 64
"""Lengths are multiples of this: a CPU makes a kernel for every length, and they should be few."""


@dataclass(slots=True)
class Seat:
    """A row in a lane: the next token to be read and its position."""

    row: Row
    path: Path
    column: int
    token: int
    position: int


@dataclass(slots=True)
class Lane:
    """The rows of one dialogue; ``filled``: how many places of keys and values are taken."""

    seats: list[Seat]
    filled: int


def lanes_for(rows: int) -> int:
    """How many lanes so many rows of one limb need."""
    return -(-rows // LANE_ROWS)


class Lanes:
    """The batch: a scene (:class:`~interplay_bench.engines.attention.Scene`) of at most ``count`` lanes with
    ``places`` places each, allocated once and written in place.

    ``together``: of how many rows neighbouring lanes are attended to in one product, padded to the widest and longest
    of them (of one lane at least).
    """

    def __init__(self, count: int, places: int, together: float) -> None:
        self.together = together
        self.count, self.places = count, _aligned(places)
        self.lanes: list[Lane] = []
        self.keys: dict[int, torch.Tensor] = {}
        self.values: dict[int, torch.Tensor] = {}
        self.allowed = torch.zeros(count, LANE_ROWS, self.places, dtype=torch.bool)
        self.clean = 0
        self.step: _Step | None = None

    @property
    def free(self) -> int:
        """How many lanes are empty."""
        return self.count - len(self.lanes)

    @property
    def rows(self) -> int:
        """How many texts are being written."""
        return sum(len(lane.seats) for lane in self.lanes)

    def admit(self, piece: Piece, store: Store, seats: Sequence[Seat]) -> None:
        """Give the rows that start on a limb their lanes, with a copy of the limb's keys and values."""
        count = lanes_for(len(seats))
        for n in range(count):
            self._admit(piece, store, list(seats[n::count]))

    def _admit(self, piece: Piece, store: Store, seats: list[Seat]) -> None:
        number, spans = len(self.lanes), piece.spans()
        size = sum(end - first for first, end in spans)
        self._clean(size)
        for ours, theirs in ((self.keys, store.keys), (self.values, store.values)):
            for layer, buffer in theirs.items():
                lane = self._buffer(ours, layer, buffer)[number]
                at = 0
                for first, end in spans:
                    lane[:, at : at + end - first] = buffer[0, :, first:end]
                    at += end - first
        self.allowed[number] = False
        for column, seat in enumerate(seats):
            seat.column = column
            row = visible(piece.limb, seat.path.fork, seat.path.twigs, size - len(piece.limb), size)
            self.allowed[number, column, :size] = torch.tensor(row)
        self.lanes.append(Lane(seats, size))

    def _buffer(self, buffers: dict[int, torch.Tensor], layer: int, like: torch.Tensor) -> torch.Tensor:
        if layer not in buffers:
            buffers[layer] = like.new_empty(self.count, like.shape[1], self.places, like.shape[3])
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
        """Prepare a step: every row's token gets its place."""
        step = self.step = _Step()
        for number, lane in enumerate(self.lanes):
            for seat in lane.seats:
                self.allowed[number, seat.column, lane.filled] = True
                step.add(number, seat, lane.filled)
                lane.filled += 1
        self._clean(_aligned(max(lane.filled for lane in self.lanes)))
        first = 0
        while first < len(self.lanes):
            some = self._neighbours(first)
            width, length = max(len(lane.seats) for lane in some), _aligned(max(lane.filled for lane in some))
            part = slice(first, first := first + len(some))
            step.parts.append(_Part(part, width, length, self.allowed[part, :width, :length]))
        return step

    def _neighbours(self, first: int) -> list[Lane]:
        """Lane ``first`` and those after it that are attended to with it."""
        width, end = len(self.lanes[first].seats), first + 1
        while end < len(self.lanes):
            width = max(width, len(self.lanes[end].seats))
            if width * (end + 1 - first) > self.together:
                break
            end += 1
        return self.lanes[first:end]

    def kept(self, seat: Seat) -> tuple[dict[int, torch.Tensor], dict[int, torch.Tensor]]:
        """A copy of the keys and of the values that a row has seen, by layer, in the order of its tokens."""
        number = next(n for n, lane in enumerate(self.lanes) if any(seat is other for other in lane.seats))
        places = self.allowed[number, seat.column, : self.lanes[number].filled].nonzero()[:, 0]
        return (
            {layer: buffer[number : number + 1, :, places.to(buffer.device)] for layer, buffer in self.keys.items()},
            {layer: buffer[number : number + 1, :, places.to(buffer.device)] for layer, buffer in self.values.items()},
        )

    def remove(self, seats: Iterable[Seat]) -> None:
        """Let finished rows go; an empty lane is filled with the last one, so that the batch has no holes."""
        gone = {id(seat) for seat in seats}
        for number in reversed(range(len(self.lanes))):
            lane = self.lanes[number]
            lane.seats = [seat for seat in lane.seats if id(seat) not in gone]
            self._close_up(number)
            if not lane.seats:
                self._close(number)

    def _close_up(self, number: int) -> None:
        """Let a lane's rows take its first columns: a step looks at no more columns than the fullest lane has."""
        for column, seat in enumerate(self.lanes[number].seats):
            if seat.column != column:
                self.allowed[number, column] = self.allowed[number, seat.column]
                seat.column = column

    def _close(self, number: int) -> None:
        moved = self.lanes.pop()
        if number == len(self.lanes):
            return
        last = len(self.lanes)
        for buffers in (self.keys, self.values):
            for buffer in buffers.values():
                buffer[number, :, : moved.filled] = buffer[last, :, : moved.filled]
        self.allowed[number] = self.allowed[last]
        self.lanes[number] = moved

    def write(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`~interplay_bench.engines.attention.Scene`."""
        assert self.step is not None
        lanes, _, places = self.step.indices(key.device)
        keys, values = self.keys[layer], self.values[layer]
        keys[lanes, :, places] = key[0].transpose(0, 1)
        values[lanes, :, places] = value[0].transpose(0, 1)
        return keys, values

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
        """See :class:`~interplay_bench.engines.attention.Scene`."""
        assert self.step is not None
        lanes, columns, _ = self.step.indices(query.device)
        heads, tokens, size = key.shape[1], query.shape[2], query.shape[3]
        groups = query.shape[1] // heads
        # Query heads that share a key head become rows of that head: keys are read once and never repeated.
        asked = query.new_zeros(len(self.lanes), heads, groups, LANE_ROWS, size)
        asked[lanes, :, :, columns] = query[0].view(heads, groups, tokens, size).permute(2, 0, 1, 3)
        seen = value.new_empty(*asked.shape[:4], value.shape[3])
        for part in self.step.parts:
            some, width, length = part.lanes, part.width, part.length
            found = masked(
                asked[some, :, :, :width].flatten(2, 3),
                key[some, :, :length],
                value[some, :, :length],
                scale,
                part.mask(query, groups),
            )
            seen[some, :, :, :width] = found.view(len(found), heads, groups, width, -1)
        return seen[lanes, :, :, columns].reshape(1, tokens, heads * groups, -1)


@dataclass(slots=True)
class _Part:
    """Lanes that are attended to in one product, as ``width`` queries and ``length`` places each."""

    lanes: slice
    width: int
    length: int
    visible: torch.Tensor
    _masks: dict[torch.device, torch.Tensor] = field(default_factory=dict)

    def mask(self, like: torch.Tensor, groups: int) -> torch.Tensor:
        """What the queries may attend to: lanes x 1 x queries x places, to be added to the scores."""
        if like.device not in self._masks:
            mask = additive(self.visible, like)
            self._masks[like.device] = mask[:, None].repeat(1, 1, groups, 1)
        return self._masks[like.device]


@dataclass(slots=True)
class _Step:
    """One token of every row: in which lane and column, and at which place its key goes."""

    seats: list[Seat] = field(default_factory=list)
    where: list[tuple[int, int, int]] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)
    _indices: dict[torch.device, tuple[torch.Tensor, ...]] = field(default_factory=dict)

    def add(self, lane: int, seat: Seat, place: int) -> None:
        """Add a row."""
        self.seats.append(seat)
        self.where.append((lane, seat.column, place))

    def indices(self, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Lanes, columns and places of the rows, on ``device``."""
        if device not in self._indices:
            self._indices[device] = torch.tensor(self.where, device=device).unbind(1)
        return self._indices[device]


def _aligned(length: int) -> int:
    return -(-length // ALIGN) * ALIGN


def places_for(limb: Limb, context: int, rows: int, tokens: int) -> int:
    """How many places a lane with rows starting on ``limb`` takes up in the end."""
    return context + len(limb) + min(rows, LANE_ROWS) * tokens
