"""The fixture ``interplay``: evaluations inside people's own tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from interplay_bench.dialogues.dialogue_set import DialogueSet
    from interplay_bench.evaluation.run import Run
    from interplay_bench.simulators.adapter import Adapter


class Interplay:
    """Runs evaluations and keeps them in one test's temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = 0

    def run(
        self,
        task: str,
        model: str | Adapter,
        dataset: str | DialogueSet = "sample",
        *,
        data: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> Run:
        """Evaluate ``model``, a name or an adapter, as :func:`interplay_bench.evaluation.evaluate.evaluate` does."""
        from interplay_bench.evaluation.evaluate import evaluate

        self._runs += 1
        return evaluate(
            task,
            model,
            dataset,
            data=data,
            split=split,
            limit=limit,
            seed=seed,
            settings=settings,
            output=self.folder / f"run-{self._runs}",
        )


@pytest.fixture
def interplay(tmp_path: Path) -> Interplay:
    """Run evaluations: ``run = interplay.run("user_multiturn", MySimulator())``, then ``run["SR"].low > 0.8``."""
    return Interplay(tmp_path / "interplay")
