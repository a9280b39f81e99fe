"""Which of several processes this one is, when a run is started by ``accelerate launch``."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Processes:
    """Process ``rank`` of ``world`` that share one run."""

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> Processes:
        """Read the launcher's environment; one process where there is none."""
        return cls(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes what is written once."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when every process has come here."""
        if self.world > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()
