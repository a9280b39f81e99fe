"""Models with a training of their own: what ``interplay-bench train`` asks of an adapter that brings one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from interplay_bench.environment.progress import Progress
from interplay_bench.simulators.card import ModelCard


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A training as it is asked for.

    ``settings``: other values for keys of the card's ``[train]`` table, as texts. ``data``: the ``--data`` texts.
    ``output``: the checkpoint's folder, ``None`` for the place where ``run`` looks first. ``command`` makes the same
    training again.
    """

    card: ModelCard
    settings: Mapping[str, str]
    data: tuple[str, ...]
    output: Path | None
    seed: int = 0
    resume: bool = False
    command: str = ""


@runtime_checkable
class Trainable(Protocol):
    """An adapter class that trains its own checkpoints."""

    def train(self, request: TrainingRequest, progress: Progress) -> Path:
        """Train as asked and return the checkpoint's folder."""
        ...
