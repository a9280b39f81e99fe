"""A share of a run: of N machines, the I-th evaluates every N-th window of dialogues."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from interplay_bench.environment.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """The share ``number`` (from 1) of ``count``, written ``2/4``."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``I/N``."""
        found = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", text.strip(), re.ASCII)
        if found is None or int(found[1]) > int(found[2]):
            raise UsageError(f"--shard takes I/N, the I-th of N shares: 1/4, 2/4, 3/4 or 4/4, not {text!r}.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def share(self, plan: Sequence[range]) -> list[range]:
        """The windows of this share."""
        return list(plan[self.number - 1 :: self.count])
