"""What an interrupted training goes on from: the network as it was after the last stage that was finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interplay_bench.environment.atomic_file import replacing, write_file
from interplay_bench.environment.errors import CheckpointError, RunError
from interplay_bench.unicrs.network import Network

FOLDER, WEIGHTS, STATE = "resume", "network.safetensors", "state.json"


class Milestones:
    """The state of a training in ``folder``; ``plan`` identifies the training, so that no other takes it up."""

    def __init__(self, folder: Path, plan: str, resume: bool) -> None:
        self._folder, self._plan = folder / FOLDER, plan
        if (self._folder / STATE).is_file() and not resume:
            raise RunError(f"{folder} holds an unfinished training. Add --resume to go on with it, or remove it.")

    def take_up(self, network: Network) -> list[dict[str, Any]]:
        """Put the network back where it was; returns the reports of the stages that are done."""
        from safetensors.torch import load_file

        if not (self._folder / STATE).is_file():
            return []
        state = json.loads((self._folder / STATE).read_text(encoding="utf-8"))
        if state["plan"] != self._plan:
            raise CheckpointError(
                f"{self._folder.parent} holds a training with another recipe, data, graph or seed: it cannot "
                "be resumed. Choose another --output."
            )
        network.restore(load_file(self._folder / state["weights"]))
        return list(state["reports"])

    def keep(self, network: Network, reports: Sequence[dict[str, Any]]) -> None:
        """Write the network after a stage; the state before stays in force until this one is whole."""
        from safetensors.torch import save_file

        self._folder.mkdir(parents=True, exist_ok=True)
        weights = f"{len(reports)}-{WEIGHTS}"
        with replacing(self._folder / weights) as draft:
            save_file({name: t.detach().cpu().contiguous() for name, t in network.state().items()}, draft)
        state = {"plan": self._plan, "weights": weights, "reports": list(reports)}
        write_file(self._folder / STATE, json.dumps(state))
        for older in self._folder.glob(f"*-{WEIGHTS}"):
            if older.name != weights:
                older.unlink()

    def clear(self) -> None:
        """Remove the state of a training that is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)
