"""Keys and values kept from one call to the next, for conversations that grow turn by turn.

A text that has been written is the beginning of its conversation's next prompt: what was computed for it is put into
the next call's store instead of being computed again. Only tokens that are equal are taken over, so that nothing but
the time changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from interplay_bench.engines.encode import common_prefix
from interplay_bench.engines.prefill import Store
from interplay_bench.engines.trie import Limb

STALE = 3
"""After so many calls without use a text is forgotten: its conversation has ended."""


@dataclass(slots=True)
class _Kept:
    keys: dict[int, torch.Tensor]
    values: dict[int, torch.Tensor]
    used: int


class Memory:
    """Texts with their keys and values, at most ``places`` tokens in all.

    Where it is full, what is there stays: conversations take turns, and one that pushes out another would find itself
    pushed out when its next turn comes.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.texts: dict[tuple[int, ...], _Kept] = {}
        self.call = 0
        self.recalled = 0

    def shrink(self, places: int) -> None:
        """From now on keep at most so many tokens; the texts that nobody asked for of late go first."""
        self.places = min(self.places, places)
        for text in sorted(self.texts, key=lambda text: self.texts[text].used):
            if sum(map(len, self.texts)) <= self.places:
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
        if sum(map(len, self.texts)) + len(text) <= self.places:
            self.texts[text] = _Kept(keys, values, self.call)

    def recall(self, limb: Limb, sequence: tuple[int, ...], most: int, store: Store) -> int:
        """Put what is known of ``limb`` (a part of ``sequence``), at most its first ``most`` tokens, into ``store``;
        returns how many tokens that is."""
        if not self.texts:
            return 0
        shared = {text: common_prefix(text, sequence) for text in self.texts}
        best = max(shared, key=lambda text: shared[text])
        count = min(shared[best] - limb.start, most)
        if count <= 0:
            return 0
        kept, base = self.texts[best], store.bases[limb.number]
        kept.used = self.call
        for buffers, known in ((store.keys, kept.keys), (store.values, kept.values)):
            for layer, tensor in known.items():
                buffer = store.buffer(buffers, layer, tensor)
                buffer[:, :, base : base + count] = tensor[:, :, limb.start : limb.start + count]
        self.recalled += count
        return count
