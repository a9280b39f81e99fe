"""A sample for people to read: what the model did at each turn of the dialogue, whatever the task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TurnDescription:
    """What the model did at a turn.

    ``verdict``, ``probability``: its decision on the turn, and P(accept) in [0, 1]. ``reply``: what it wrote in the
    turn's place, and ``action`` the kind of turn that is, where it is known. ``remarks``: what else there is to say.
    ``reveals``: a remark that gives the target away, which a reader may want to guess first.
    """

    verdict: str | None = None
    probability: float | None = None
    reply: str | None = None
    action: str | None = None
    remarks: tuple[str, ...] = ()
    reveals: str | None = None


@dataclass(frozen=True, slots=True)
class SampleDescription:
    """A whole sample. ``turns``: by the turn's index. ``closing``: a line behind the last turn."""

    turns: Mapping[int, TurnDescription] = field(default_factory=dict)
    closing: str | None = None
