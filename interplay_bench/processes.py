"""Which of several processes this one is, when a run is started by ``accelerate launch``."""

from __future__ import annotations

import os
from dataclasses import dataclass

_PLACES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


@dataclass(frozen=True, slots=True)
class Processes:
    """Process ``rank`` of ``world`` that share one run; ``local`` is its number on its machine, and its GPU's."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @classmethod
    def here(cls) -> Processes:
        """Read the launcher's environment; one process where there is none."""
        rank, world, local = (int(os.environ.get(*place)) for place in _PLACES)
        return cls(rank, world, local)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes what is written once."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when every process has come here."""
        if self.world > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()
