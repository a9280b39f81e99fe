"""What a pytest session was asked to evaluate: models, data, settings, gates."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from interplay_bench.cli import options
from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.progress import Progress
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.grid import Cell, Grid
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.settings import data_options
from interplay_bench.evaluation.task import TASKS
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.pytest_plugin.gates import Gate, read_gates

PREFIX = "interplay_"


@dataclass(frozen=True)
class Suite:
    """The options of a session, looked up. ``files``: the tasks that each source file registers."""

    grid: Grid
    files: Mapping[Path, Sequence[str]]
    gates: Mapping[str, Sequence[Gate]]
    asked: argparse.Namespace

    @classmethod
    def asked_for(cls, parsed: argparse.Namespace) -> Suite:
        """Read pytest's options; a name that does not exist is an :class:`InterplayError`."""
        given = {key.removeprefix(PREFIX): value for key, value in vars(parsed).items() if key.startswith(PREFIX)}
        asked = argparse.Namespace(**given)
        for plugin in asked.plugin:
            load_plugin(plugin)
        grid = Grid.of(list(TASKS.all()), asked.model, options.settings(asked, asked.model))
        DATASETS.find(asked.dataset)
        gates = read_gates(asked.gates) if asked.gates else {}
        return cls(grid, _files(), gates, asked)

    @property
    def models(self) -> tuple[str, ...]:
        """The models' names."""
        return self.grid.models

    @cached_property
    def dialogues(self) -> DialogueSet:
        """The data, read once for all cells."""
        return load_dataset(self.asked.dataset, self.asked.data, self.asked.split, data_options(self.grid.settings))

    def misfit(self, task: str, model: str) -> str | None:
        """Why the model cannot take the task's side, if so; said without loading it."""
        return self.grid.misfit(Cell(task, model))

    def evaluate(self, task: str, model: str, progress: Progress) -> Run:
        """Run one cell."""
        asked, cell = self.asked, Cell(task, model)
        return evaluate(
            task,
            model,
            self.dialogues,
            data=asked.data,
            split=asked.split,
            limit=asked.limit,
            seed=asked.seed,
            settings=self.grid.settings_of(cell),
            output=asked.output / cell.folder(self.dialogues.name) if asked.output else None,
            resume=asked.resume,
            progress=progress,
        )


def _files() -> dict[Path, list[str]]:
    files: dict[Path, list[str]] = {}
    for name, task in TASKS.all().items():
        file = getattr(sys.modules.get(task.__module__), "__file__", None)
        if file is not None:  # it was not typed at a prompt
            files.setdefault(Path(file).resolve(), []).append(name)
    return files
