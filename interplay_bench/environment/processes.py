"""Which of several processes this one is, when a run is started by ``accelerate launch``."""

from __future__ import annotations

import os
from dataclasses import dataclass

from interplay_bench.environment.errors import UsageError

_PLACES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


@dataclass(frozen=True, slots=True)
class Processes:
    """Process ``rank`` of ``world`` that share one run; ``local`` is its number on its machine, and its GPU's."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @classmethod
    def here(cls) -> Processes:
        """Read the launcher's environment; one process where there is none.

        Raises :class:`UsageError` where a part of it was left over from a launcher that is gone.
        """
        rank, world, local = (_number(*place) for place in _PLACES)
        lost = [name for name in ("RANK", "MASTER_ADDR") if not os.environ.get(name)]
        if world > 1 and lost:
            raise UsageError(
                f"WORLD_SIZE={world} says that {world} processes share this run, but {' and '.join(lost)} is not set: "
                "unset WORLD_SIZE, which a launcher left over, or start them with `accelerate launch`."
            )
        if rank >= world:
            raise UsageError(f"RANK={rank} is not below WORLD_SIZE={world}: unset both, or let a launcher set them.")
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


def _number(name: str, default: str) -> int:
    given = os.environ.get(name) or default
    if not given.strip().isdecimal() or len(given) > 9:
        raise UsageError(f"{name}={given!r} is no number of processes: unset it, or let a launcher set it.")
    return int(given)
