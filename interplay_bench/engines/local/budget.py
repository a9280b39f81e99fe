"""How much goes through the model at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

PROBE = 512
"""Tokens of the pass that is measured."""
SHARE = 0.4
"""The part of a GPU's free memory that one forward pass may fill; keys and values get as much."""


@dataclass(slots=True)
class Budget:
    """Limits: ``tokens`` in one forward pass, ``rows`` written at the same time, ``KV slots`` for their keys and
    values, and as many as ``kept`` for those of earlier calls (taken only as conversations grow). A processor is as
    fast on one dialogue as on many; a GPU wants as many as it can hold."""

    tokens: int = 1024
    rows: int = 128
    places: int = 65536
    kept: int = 65536

    def halve(self) -> bool:
        """Make do with half; ``False`` where that is not possible any more."""
        if self.tokens <= 16:
            return False
        self.tokens //= 2
        self.rows = max(1, self.rows // 2)
        self.places //= 2
        self.kept //= 2
        return True


def probe(device: torch.device, run: Callable[[int], None], place_bytes: int) -> Budget:
    """Measure what a pass of :data:`PROBE` tokens takes on ``device``; ``place_bytes``: one token's keys and
    values in all layers."""
    if device.type != "cuda":
        return Budget()
    run(16)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run(PROBE)
    torch.cuda.synchronize()
    per_token = max(1, (torch.cuda.max_memory_allocated(device) - before) // PROBE)
    free = torch.cuda.mem_get_info(device)[0]
    tokens = min(65536, max(64, int(free * SHARE) // per_token))
    places = max(4096, int(free * SHARE) // max(1, place_bytes))
    return Budget(tokens, rows=256, places=places, kept=places // 4)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether ``error`` says that memory ran out, on whatever device."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "not enough memory" in text
