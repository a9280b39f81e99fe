"""Tasks times models: the cells of a suite, which settings each takes, and why some do not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from interplay_bench.dialogues.dialogue import Role
from interplay_bench.environment.errors import unknown_name
from interplay_bench.environment.paths import safe_name
from interplay_bench.evaluation.settings import DATA, ENGINE, engine_options
from interplay_bench.evaluation.task import TASKS
from interplay_bench.simulators import model_spec as models
from interplay_bench.simulators.adapter import ADAPTERS


@dataclass(frozen=True, slots=True)
class Cell:
    """One model on one task."""

    task: str
    model: str

    def folder(self, dataset: str) -> str:
        """The name of its run directory among those of a suite."""
        return safe_name(f"{dataset}-{self.task}-{self.model}")


@dataclass(frozen=True)
class Grid:
    """Every one of ``tasks`` with every one of ``models``; ``settings`` are those of all cells."""

    tasks: tuple[str, ...]
    models: tuple[str, ...]
    settings: Mapping[str, str]

    @classmethod
    def of(cls, tasks: Sequence[str], names: Sequence[str], settings: Mapping[str, str]) -> Grid:
        """Look everything up: a name that does not exist, and a setting that nothing takes, is an error."""
        grid = cls(tuple(dict.fromkeys(tasks)), tuple(dict.fromkeys(names)), dict(settings))
        for task in grid.tasks:
            TASKS.find(task)
        for name, engine in grid._engines().items():
            models.find(name, engine)
        known = {option for task in grid.tasks for option in options_of(task)}
        for key in settings:
            if key not in known and not key.startswith((ENGINE, DATA)):
                raise unknown_name("option of any task", key, known)
        return grid

    def cells(self) -> Iterator[Cell]:
        """The cells, a model after the other, so that each is loaded once."""
        return (Cell(task, model) for model in self.models for task in self.tasks)

    def misfit(self, cell: Cell) -> str | None:
        """Why the model cannot take the task's side, if so; said without loading it."""
        role, named = TASKS.find(cell.task).role, models.find(cell.model, self._engines().get(cell.model))
        trained = named.card.train.get("role")
        roles = {Role(trained)} if trained in list(Role) else getattr(named.adapter, "roles", {role})
        return None if role in roles else f"{cell.task} evaluates a {role}, which {cell.model} is not"

    def settings_of(self, cell: Cell) -> dict[str, str]:
        """Those of the settings that this task and this model's engine take, and those of the data set."""
        known, engine = options_of(cell.task), self._engines()[cell.model]
        return {
            key: value
            for key, value in self.settings.items()
            if key.startswith(DATA) or key in known or key.removeprefix(ENGINE) in engine
        }

    def _engines(self) -> dict[str, dict[str, str]]:
        """What each model gets of the engines' options."""
        return models.shares(self.models, engine_options(self.settings))


def controls(tasks: Sequence[str]) -> list[str]:
    """The names of the control policies that can take one of the tasks, with an example of their argument."""
    roles = {TASKS.find(task).role for task in tasks}
    return [
        f"{name}:{cls.example}" if cls.example else name
        for name, cls in ADAPTERS.all().items()
        if cls.control and cls.standalone and roles & cls.roles
    ]


def options_of(task: str) -> list[str]:
    """The names of a task's options."""
    return [option.name for option in fields(TASKS.find(task).Options)]
