"""Keys and values kept from one call to the next, for conversations that grow turn by turn.

A text that has been written is the beginning of its conversation's next prompt: what was computed for it is put into
the next call's store instead of being computed again. Only tokens that are equal are taken over, so that nothing but
the time changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from interplay_bench.engines.local.encode import common_prefix
from interplay_bench.engines.local.prefill import KVStore
from interplay_bench.engines.local.prefix_trie import Segment

STALE = 3
"""After so many calls without use a text is forgotten: its conversation has ended."""


@dataclass(slots=True)
class _Kept:
    keys: dict[int, torch.Tensor]
    values: dict[int, torch.Tensor]
    used: int


class PrefixCache:
    """Texts with their keys and values, at most ``KV slots`` tokens in all.

    Where it is full, what is there stays: conversations take turns, and one that pushes out another would find itself
    pushed out when its next turn comes.
    """

    def __init__(self, kv_slots: int) -> None:
        self.kv_slots = kv_slots
        self.texts: dict[tuple[int, ...], _Kept] = {}
        self.call = 0
        self.recalled = 0

    def shrink(self, kv_slots: int) -> None:
        """From now on keep at most so many tokens; the texts that nobody asked for of late go first."""
        self.kv_slots = min(self.kv_slots, kv_slots)
        for text in sorted(self.texts, key=lambda text: self.texts[text].used):
            if sum(map(len, self.texts)) <= self.kv_slots:
                break
            del self.texts[text]

    def begin(self) -> None:
        """A new call: forget what nobody asked for lately."""
        self.call += 1
        self.texts = {text: kept for text, kept in self.texts.items() if self.call - kept.used <= STALE}

    def keep(self, text: tuple[int, ...], keys: dict[int, torch.Tensor], values: dict[int, torch.Tensor]) -> None:
        """Keep a text, in the place of the one that it continues; not where there is no room."""
        for earlier in [known for known in self.texts if text[: len(known)] == known]:
            del self.texts[earlier]
        if sum(map(len, self.texts)) + len(text) <= self.kv_slots:
            self.texts[text] = _Kept(keys, values, self.call)

    def lookup(self, segment: Segment, sequence: tuple[int, ...], most: int, store: KVStore) -> int:
        """Put what is known of ``segment`` (a part of ``sequence``), at most its first ``most`` tokens, into ``store``;
        returns how many tokens that is."""
        if not self.texts:
            return 0
        shared = {text: common_prefix(text, sequence) for text in self.texts}
        best = max(shared, key=lambda text: shared[text])
        count = min(shared[best] - segment.start, most)
        if count <= 0:
            return 0
        kept, base = self.texts[best], store.bases[segment.number]
        kept.used = self.call
        for buffers, known in ((store.keys, kept.keys), (store.values, kept.values)):
            for layer, tensor in known.items():
                buffer = store.buffer(buffers, layer, tensor)
                buffer[:, :, base : base + count] = tensor[:, :, segment.start : segment.start + count]
        self.recalled += count
        return count
