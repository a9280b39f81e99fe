"""Prompts through the model: segments are packed into passes, and their keys and values kept while others need them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn.functional import scaled_dot_product_attention

from interplay_bench.engines.local.attention import causal
from interplay_bench.engines.local.prefix_trie import Node, Segment

Span = tuple[int, int]
"""A range of KV slots in the store."""


@dataclass(slots=True)
class Piece:
    """The tokens ``first`` to ``end`` of a segment, all of its trunk or all of its branch tokens; ``at``: where they
    stand in the pass; ``base``: where the segment's first token has its place in the store; ``context``: where what
    comes before the segment has its."""

    segment: Segment
    first: int
    end: int
    at: int
    base: int
    context: list[Span]
    mask: torch.Tensor | None = field(default=None)

    def spans(self) -> list[Span]:
        """The KV slots of all keys up to the piece's last token."""
        own = (self.base, self.base + self.end)
        if self.context and self.context[-1][1] == own[0]:
            return [*self.context[:-1], (self.context[-1][0], own[1])]
        return [*self.context, own]

    @property
    def branch_tokens(self) -> bool:
        """Whether these are branch tokens."""
        return self.first >= len(self.segment.trunk)


class KVStore:
    """Keys and values of the segments in use, layer by layer; KV slots are taken and given back as on a stack."""

    def __init__(self, last: Mapping[int, int]) -> None:
        self.last = last
        self.keys: dict[int, torch.Tensor] = {}
        self.values: dict[int, torch.Tensor] = {}
        self.bases: dict[int, int] = {}
        self.top = 0

    def place(self, segment: Segment) -> None:
        """Take KV slots for a segment."""
        self.bases[segment.number] = self.top
        self.top += len(segment)

    def release(self, following: int) -> None:
        """Give back the KV slots, from the top, of segments that nothing from segment ``following`` on grows out of."""
        while self.bases and self.last[next(reversed(self.bases))] < following:
            _, self.top = self.bases.popitem()

    def forget(self, number: int) -> None:
        """Give back the KV slots of segment ``number`` and all after it."""
        while self.bases and next(reversed(self.bases)) >= number:
            _, self.top = self.bases.popitem()

    def spans(self, segment: Segment) -> list[Span]:
        """The KV slots of what comes before a segment."""
        return [(self.bases[above.number], self.bases[above.number] + count) for above, count in segment.context()]

    def buffer(self, buffers: dict[int, torch.Tensor], layer: int, like: torch.Tensor) -> torch.Tensor:
        """The KV slots of a layer, grown where they do not reach up to the top."""
        have = buffers.get(layer)
        if have is None or have.shape[2] < self.top:
            size = max(self.top, 2 * have.shape[2] if have is not None else 0)
            new = like.new_empty(1, like.shape[1], size, like.shape[3])
            if have is not None:
                new[:, :, : have.shape[2]] = have
            buffers[layer] = have = new
        return have


Lookup = Callable[[Segment, KVStore], int]
"""Puts the keys and values of a segment's first tokens into the store, where they are known from before; how many."""


@dataclass(slots=True)
class Pass:
    """One forward pass over pieces of segments: a forward context
    (:class:`~interplay_bench.engines.local.attention.ForwardContext`)."""

    store: KVStore
    pieces: list[Piece]
    size: int
    start: tuple[int, int]

    def finished(self) -> list[Piece]:
        """The last pieces of the segments that are complete after this pass."""
        return [piece for piece in self.pieces if piece.end == len(piece.segment)]

    def find(self, wanted: Mapping[int, Iterable[int]]) -> tuple[list[Node], list[int]]:
        """Those of the ``wanted`` tokens (by segment) that are in this pass, and where they stand in it."""
        found = [
            ((piece.segment.number, token), piece.at + token - piece.first)
            for piece in self.pieces
            for token in wanted.get(piece.segment.number, ())
            if piece.first <= token < piece.end
        ]
        return [node for node, _ in found], [at for _, at in found]

    def tokens(self) -> list[int]:
        """The ids of all tokens."""
        return [token for p in self.pieces for token in p.segment.tokens[p.first : p.end]]

    def positions(self) -> list[int]:
        """The positions of all tokens."""
        return [position for p in self.pieces for position in p.segment.positions[p.first : p.end]]

    def write(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`~interplay_bench.engines.local.attention.ForwardContext`."""
        keys = self.store.buffer(self.store.keys, layer, key)
        values = self.store.buffer(self.store.values, layer, value)
        for piece in self.pieces:
            here = slice(piece.at, piece.at + piece.end - piece.first)
            there = slice(piece.base + piece.first, piece.base + piece.end)
            keys[:, :, there] = key[:, :, here]
            values[:, :, there] = value[:, :, here]
        return keys, values

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
        """See :class:`~interplay_bench.engines.local.attention.ForwardContext`."""
        output = query.new_empty(1, query.shape[2], query.shape[1], value.shape[3])
        for piece in self.pieces:
            here = slice(piece.at, piece.at + piece.end - piece.first)
            spans = piece.spans()
            keys, values = _gather(key, spans), _gather(value, spans)
            attend = _attend_twigs if piece.branch_tokens else _attend_trunk
            seen = attend(piece, query[:, :, here], keys, values, scale)
            output[:, here] = seen.transpose(1, 2)
        return output


class Prefill:
    """Limbs waiting for their pass, in depth-first order."""

    def __init__(self, segments: Sequence[Segment], lookup: Lookup = lambda segment, store: 0) -> None:
        self.segments = segments
        self.lookup = lookup
        self.store = KVStore({segment.number: segment.last for segment in segments})
        self.segment = 0
        self.token = 0

    def __bool__(self) -> bool:
        return self.segment < len(self.segments)

    @property
    def begun(self) -> Segment | None:
        """The segment that was let in and is only partly computed, if there is one."""
        return self.segments[self.segment] if self.token else None

    def next(self, tokens: int, admit: Callable[[Segment], bool] = lambda segment: True) -> Pass | None:
        """Form a pass of at most ``tokens`` tokens, of the next segments that ``admit`` lets in; a segment is cut only
        where it is longer than a whole pass. ``None`` where not even the first segment is let in."""
        self.store.release(self.segment)
        start = (self.segment, self.token)
        pieces: list[Piece] = []
        size = 0
        while self and size < tokens:
            segment = self.segments[self.segment]
            left = len(segment) - self.token
            if (size and left > tokens - size) or (self.token == 0 and not admit(segment)):
                break
            if self.token == 0:
                self.store.place(segment)
                self.token = self.lookup(segment, self.store)
                left = len(segment) - self.token
            taken = min(left, tokens - size)
            pieces += self._pieces(segment, self.token, self.token + taken, size)
            size += taken
            self.segment, self.token = (self.segment + 1, 0) if taken == left else (self.segment, self.token + taken)
        return Pass(self.store, pieces, size, start) if pieces else None

    def again(self, failed: Pass) -> None:
        """Put the segments of a pass that went out of memory back to the front."""
        self.segment, self.token = failed.start
        self.store.forget(self.segment + bool(self.token))

    def _pieces(self, segment: Segment, first: int, end: int, at: int) -> Iterator[Piece]:
        context, base, trunk = self.store.spans(segment), self.store.bases[segment.number], len(segment.trunk)
        if first < trunk:
            yield Piece(segment, first, min(end, trunk), at, base, context)
        if end > trunk:
            branch_tokens = max(first, trunk)
            yield Piece(segment, branch_tokens, end, at + branch_tokens - first, base, context)


def visible(segment: Segment, fork: int, branch_tokens: Sequence[int], context: int, keys: int) -> list[bool]:
    """Which of ``keys`` (``context`` before the segment, then the segment's own) a path over a segment runs through."""
    row = [True] * (context + fork - segment.start)
    row += [False] * (keys - len(row))
    for branch_token in branch_tokens:
        row[context + len(segment.trunk) + branch_token] = True
    return row


def _attend_trunk(
    piece: Piece, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
) -> torch.Tensor:
    front = key.shape[2] - query.shape[2]
    mask = _mask(piece, key.shape[2], query) if front > query.shape[2] else None
    return causal(query, key, value, scale, mask)


def _attend_twigs(
    piece: Piece, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
) -> torch.Tensor:
    _, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    # Query heads that share a key head become rows of that head: few queries, so keys are not worth repeating.
    folded = query.reshape(1, key.shape[1], groups * tokens, size)
    mask = _mask(piece, key.shape[2], query).repeat(1, 1, groups, 1)
    seen = scaled_dot_product_attention(folded, key, value, attn_mask=mask, scale=scale)
    return seen.reshape(1, heads, tokens, value.shape[3])


def _mask(piece: Piece, keys: int, like: torch.Tensor) -> torch.Tensor:
    """What a piece's tokens (rows) may attend to, to be added to the scores; the same for every layer."""
    if piece.mask is None:
        segment, trunk = piece.segment, len(piece.segment.trunk)
        context = keys - piece.end
        if piece.branch_tokens:
            branch_tokens = segment.branch_tokens[piece.first - trunk : piece.end - trunk]
            allowed = torch.tensor(
                [
                    visible(segment, branch_token.fork, branch_token.above, context, keys)
                    for branch_token in branch_tokens
                ]
            )
        else:
            rows = torch.arange(context + piece.first, keys)
            allowed = torch.arange(keys)[None] <= rows[:, None]
        piece.mask = additive(allowed, like)[None, None]
    return piece.mask.to(like.device)


def additive(allowed: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """0 where ``allowed``, the lowest number elsewhere (not minus infinity: a row of those would be undefined)."""
    low = torch.finfo(like.dtype).min
    return torch.zeros(allowed.shape, dtype=like.dtype).masked_fill_(~allowed, low).to(like.device)


def _gather(buffer: torch.Tensor, spans: Sequence[Span]) -> torch.Tensor:
    """The KV slots of ``spans``, in a row; no copy is made of a single one."""
    parts = [buffer[:, :, first:end] for first, end in spans]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 2)
