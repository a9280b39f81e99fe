"""What a pytest session was asked to evaluate: models, data, settings, gates."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from interplay_bench import model as models
from interplay_bench import options, registry
from interplay_bench.dataset import DialogueSet
from interplay_bench.dialogue import Role
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
        for model in asked.model:
            models.find(model, options.engine(settings))
        registry.find_dataset(asked.dataset)
        gates = read_gates(asked.gates) if asked.gates else {}
        return cls(tuple(dict.fromkeys(asked.model)), _files(), gates, settings, asked)

    @cached_property
    def dialogues(self) -> DialogueSet:
        """The data, read once for all cells."""
        return load(self.asked.dataset, self.asked.data, self.asked.split)

    def misfit(self, task: str, model: str) -> str | None:
        """Why the model cannot take the task's side, if so; said without loading it."""
        role, named = registry.find_task(task).role, models.find(model, options.engine(dict(self.settings)))
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
            settings=self.settings,
            output=asked.output / name if asked.output else None,
            resume=asked.resume,
            progress=progress,
        )


def _files() -> dict[Path, list[str]]:
    files: dict[Path, list[str]] = {}
    for name, task in registry.tasks().items():
        files.setdefault(Path(inspect.getfile(task)).resolve(), []).append(name)
    return files
