"""Prompts through the model: limbs are packed into passes, and their keys and values kept while others need them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn.functional import scaled_dot_product_attention

from interplay_bench.engines.attention import causal
from interplay_bench.engines.trie import Limb, Node

Span = tuple[int, int]
"""A range of places in the store."""


@dataclass(slots=True)
class Piece:
    """The tokens ``first`` to ``end`` of a limb, all of its trunk or all of its twigs; ``at``: where they stand in
    the pass; ``base``: where the limb's first token has its place in the store; ``context``: where what comes before
    the limb has its."""

    limb: Limb
    first: int
    end: int
    at: int
    base: int
    context: list[Span]
    mask: torch.Tensor | None = field(default=None)

    def spans(self) -> list[Span]:
        """The places of all keys up to the piece's last token."""
        own = (self.base, self.base + self.end)
        if self.context and self.context[-1][1] == own[0]:
            return [*self.context[:-1], (self.context[-1][0], own[1])]
        return [*self.context, own]

    @property
    def twigs(self) -> bool:
        """Whether these are twigs."""
        return self.first >= len(self.limb.trunk)


class Store:
    """Keys and values of the limbs in use, layer by layer, in places that are taken and given back as on a stack."""

    def __init__(self, last: Mapping[int, int]) -> None:
        self.last = last
        self.keys: dict[int, torch.Tensor] = {}
        self.values: dict[int, torch.Tensor] = {}
        self.bases: dict[int, int] = {}
        self.top = 0

    def place(self, limb: Limb) -> None:
        """Take places for a limb."""
        self.bases[limb.number] = self.top
        self.top += len(limb)

    def release(self, following: int) -> None:
        """Give back the places, from the top, of limbs that nothing from limb ``following`` on grows out of."""
        while self.bases and self.last[next(reversed(self.bases))] < following:
            _, self.top = self.bases.popitem()

    def forget(self, number: int) -> None:
        """Give back the places of limb ``number`` and all after it."""
        while self.bases and next(reversed(self.bases)) >= number:
            _, self.top = self.bases.popitem()

    def spans(self, limb: Limb) -> list[Span]:
        """The places of what comes before a limb."""
        return [(self.bases[above.number], self.bases[above.number] + count) for above, count in limb.context()]

    def buffer(self, buffers: dict[int, torch.Tensor], layer: int, like: torch.Tensor) -> torch.Tensor:
        """The places of a layer, grown where they do not reach up to the top."""
        have = buffers.get(layer)
        if have is None or have.shape[2] < self.top:
            size = max(self.top, 2 * have.shape[2] if have is not None else 0)
            new = like.new_empty(1, like.shape[1], size, like.shape[3])
            if have is not None:
                new[:, :, : have.shape[2]] = have
            buffers[layer] = have = new
        return have


Recall = Callable[[Limb, Store], int]
"""Puts the keys and values of a limb's first tokens into the store, where they are known from before; how many."""


@dataclass(slots=True)
class Pass:
    """One forward pass over pieces of limbs: a scene (:class:`~interplay_bench.engines.attention.Scene`)."""

    store: Store
    pieces: list[Piece]
    size: int
    start: tuple[int, int]

    def finished(self) -> list[Piece]:
        """The last pieces of the limbs that are complete after this pass."""
        return [piece for piece in self.pieces if piece.end == len(piece.limb)]

    def find(self, wanted: Mapping[int, Iterable[int]]) -> tuple[list[Node], list[int]]:
        """Those of the ``wanted`` tokens (by limb) that are in this pass, and where they stand in it."""
        found = [
            ((piece.limb.number, token), piece.at + token - piece.first)
            for piece in self.pieces
            for token in wanted.get(piece.limb.number, ())
            if piece.first <= token < piece.end
        ]
        return [node for node, _ in found], [at for _, at in found]

    def tokens(self) -> list[int]:
        """The ids of all tokens."""
        return [token for p in self.pieces for token in p.limb.tokens[p.first : p.end]]

    def positions(self) -> list[int]:
        """The positions of all tokens."""
        return [position for p in self.pieces for position in p.limb.positions[p.first : p.end]]

    def write(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`~interplay_bench.engines.attention.Scene`."""
        keys = self.store.buffer(self.store.keys, layer, key)
        values = self.store.buffer(self.store.values, layer, value)
        for piece in self.pieces:
            here = slice(piece.at, piece.at + piece.end - piece.first)
            there = slice(piece.base + piece.first, piece.base + piece.end)
            keys[:, :, there] = key[:, :, here]
            values[:, :, there] = value[:, :, here]
        return keys, values

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
        """See :class:`~interplay_bench.engines.attention.Scene`."""
        output = query.new_empty(1, query.shape[2], query.shape[1], value.shape[3])
        for piece in self.pieces:
            here = slice(piece.at, piece.at + piece.end - piece.first)
            spans = piece.spans()
            keys, values = _gather(key, spans), _gather(value, spans)
            attend = _attend_twigs if piece.twigs else _attend_trunk
            seen = attend(piece, query[:, :, here], keys, values, scale)
            output[:, here] = seen.transpose(1, 2)
        return output


class Prefill:
    """Limbs waiting for their pass, in depth-first order."""

    def __init__(self, limbs: Sequence[Limb], recall: Recall = lambda limb, store: 0) -> None:
        self.limbs = limbs
        self.recall = recall
        self.store = Store({limb.number: limb.last for limb in limbs})
        self.limb = 0
        self.token = 0

    def __bool__(self) -> bool:
        return self.limb < len(self.limbs)

    @property
    def begun(self) -> Limb | None:
        """The limb that was let in and is only partly computed, if there is one."""
        return self.limbs[self.limb] if self.token else None

    def next(self, tokens: int, admit: Callable[[Limb], bool] = lambda limb: True) -> Pass | None:
        """Form a pass of at most ``tokens`` tokens, of the next limbs that ``admit`` lets in; a limb is cut only
        where it is longer than a whole pass. ``None`` where not even the first limb is let in."""
        self.store.release(self.limb)
        start = (self.limb, self.token)
        pieces: list[Piece] = []
        size = 0
        while self and size < tokens:
            limb = self.limbs[self.limb]
            left = len(limb) - self.token
            if (size and left > tokens - size) or (self.token == 0 and not admit(limb)):
                break
            if self.token == 0:
                self.store.place(limb)
                self.token = self.recall(limb, self.store)
                left = len(limb) - self.token
            taken = min(left, tokens - size)
            pieces += self._pieces(limb, self.token, self.token + taken, size)
            size += taken
            self.limb, self.token = (self.limb + 1, 0) if taken == left else (self.limb, self.token + taken)
        return Pass(self.store, pieces, size, start) if pieces else None

    def again(self, failed: Pass) -> None:
        """Put the limbs of a pass that went out of memory back to the front."""
        self.limb, self.token = failed.start
        self.store.forget(self.limb + bool(self.token))

    def _pieces(self, limb: Limb, first: int, end: int, at: int) -> Iterator[Piece]:
        context, base, trunk = self.store.spans(limb), self.store.bases[limb.number], len(limb.trunk)
        if first < trunk:
            yield Piece(limb, first, min(end, trunk), at, base, context)
        if end > trunk:
            twigs = max(first, trunk)
            yield Piece(limb, twigs, end, at + twigs - first, base, context)


def visible(limb: Limb, fork: int, twigs: Sequence[int], context: int, keys: int) -> list[bool]:
    """Which of ``keys`` (``context`` before the limb, then the limb's own) a path over a limb runs through."""
    row = [True] * (context + fork - limb.start)
    row += [False] * (keys - len(row))
    for twig in twigs:
        row[context + len(limb.trunk) + twig] = True
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
        limb, trunk = piece.limb, len(piece.limb.trunk)
        context = keys - piece.end
        if piece.twigs:
            twigs = limb.twigs[piece.first - trunk : piece.end - trunk]
            allowed = torch.tensor([visible(limb, twig.fork, twig.above, context, keys) for twig in twigs])
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
    """The places of ``spans``, in a row; no copy is made of a single one."""
    parts = [buffer[:, :, first:end] for first, end in spans]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 2)
