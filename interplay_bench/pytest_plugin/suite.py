"""What a pytest session was asked to evaluate: models, data, settings, gates."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from interplay_bench import model as models
from interplay_bench import options, registry
from interplay_bench.dataset import DialogueSet
from interplay_bench.dialogue import Role
from interplay_bench.errors import unknown_name
from interplay_bench.progress import Progress
from interplay_bench.pytest_plugin.gates import Gate, read_gates
from interplay_bench.run import Run
from interplay_bench.runner import evaluate, load

PREFIX = "interplay_"


@dataclass(frozen=True)
class Suite:
    """The options of a session, looked up. ``files``: the tasks that each source file registers."""

    models: tuple[str, ...]
    files: Mapping[Path, Sequence[str]]
    gates: Mapping[str, Sequence[Gate]]
    settings: Mapping[str, str]
    asked: argparse.Namespace

    @classmethod
    def asked_for(cls, parsed: argparse.Namespace) -> Suite:
        """Read pytest's options; a name that does not exist is an :class:`~interplay_bench.errors.InterplayError`."""
        given = {key.removeprefix(PREFIX): value for key, value in vars(parsed).items() if key.startswith(PREFIX)}
        asked = argparse.Namespace(**given)
        for plugin in asked.plugin:
            registry.load_plugin(plugin)
        settings = options.settings(asked)
        _look_up(asked.model, settings)
        registry.find_dataset(asked.dataset)
        gates = read_gates(asked.gates) if asked.gates else {}
        return cls(tuple(dict.fromkeys(asked.model)), _files(), gates, settings, asked)

    @cached_property
    def dialogues(self) -> DialogueSet:
        """The data, read once for all cells."""
        return load(self.asked.dataset, self.asked.data, self.asked.split)

    def misfit(self, task: str, model: str) -> str | None:
        """Why the model cannot take the task's side, if so; said without loading it."""
        role, named = registry.find_task(task).role, models.find(model)
        trained = named.card.train.get("role")
        roles = {Role(trained)} if trained in list(Role) else getattr(named.adapter, "roles", {role})
        return None if role in roles else f"{task} evaluates a {role}, which {model} is not"

    def evaluate(self, task: str, model: str, progress: Progress) -> Run:
        """Run one cell."""
        asked = self.asked
        name = "".join(c if c.isalnum() or c in "-._" else "_" for c in f"{self.dialogues.name}-{task}-{model}")
        return evaluate(
            task,
            model,
            self.dialogues,
            data=asked.data,
            split=asked.split,
            limit=asked.limit,
            seed=asked.seed,
            settings=self._settings(task, model),
            output=asked.output / name if asked.output else None,
            resume=asked.resume,
            progress=progress,
        )

    def _settings(self, task: str, model: str) -> dict[str, str]:
        """Those of the settings that this task and this model's engine know."""
        known, tunable = _options(task), bool(models.find(model).card.engine)
        return {
            key: v for key, v in self.settings.items() if (tunable if key.startswith(options.ENGINE) else key in known)
        }


def _look_up(names: Sequence[str], settings: dict[str, str]) -> None:
    """Refuse a model that does not exist, and a setting that no task or none of the models takes."""
    engine = options.engine(settings)
    found = [models.find(name) for name in names]
    if found and engine and not any(named.card.engine for named in found):
        models.find(names[0], engine)
    known = {option for task in registry.tasks() for option in _options(task)}
    for key in settings:
        if key not in known and not key.startswith(options.ENGINE):
            raise unknown_name("option of any task", key, known)


def _options(task: str) -> set[str]:
    return {option.name for option in fields(registry.find_task(task).Options)}


def _files() -> dict[Path, list[str]]:
    files: dict[Path, list[str]] = {}
    for name, task in registry.tasks().items():
        file = getattr(sys.modules.get(task.__module__), "__file__", None)
        if file is not None:  # it was not typed at a prompt
            files.setdefault(Path(file).resolve(), []).append(name)
    return files
