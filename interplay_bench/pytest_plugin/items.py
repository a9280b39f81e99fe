"""A task's file as a collector, a task with a model as an item: ``tasks/user_multiturn.py::user_multiturn[oracle]``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interplay_bench.environment.errors import IncompatibleModelError, InterplayError
from interplay_bench.environment.secrets import without_secrets
from interplay_bench.environment.terminal import printable
from interplay_bench.pytest_plugin import storage
from interplay_bench.pytest_plugin.stopwatch import Stopwatch

if TYPE_CHECKING:
    from _pytest._code.code import ExceptionInfo, TerminalRepr

    from interplay_bench.evaluation.run import Run
    from interplay_bench.pytest_plugin.suite import Suite

RUN = "interplay.run"
GATE = "interplay.gate"


class GateError(Exception):
    """A score does not keep its bound."""


@cache
def shipped() -> Path:
    """The folder of our own tasks, found without importing them."""
    return Path(str(files("interplay_bench.tasks")))


def node_id(file: Path, root: Path) -> str | None:
    """A file's node id where pytest has none that lasts, outside the root: that of the project, ``tasks/NAME.py``."""
    return None if file.is_relative_to(root) else f"{file.parent.name}/{file.name}"


class TaskFile(pytest.File):
    """A file that registers tasks: as many items as it has tasks, times the models asked for."""

    def __init__(self, *, suite: Suite | None, tasks: Sequence[str], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.suite = suite
        self.tasks = tasks

    def collect(self) -> Iterator[TaskItem]:
        """Yield every cell; none without a model."""
        if self.suite is None:
            return
        for task in self.tasks:
            for model in self.suite.models:
                cell = TaskItem.from_parent(
                    self, name=f"{task}[{without_secrets(model)}]", suite=self.suite, task=task, model=model
                )
                misfit = self.suite.misfit(task, model)
                if misfit:
                    cell.add_marker(pytest.mark.skip(reason=misfit))
                yield cell


class TaskItem(pytest.Item):
    """One model on one task. It fails on an error and on a gate; otherwise it measures."""

    def __init__(self, *, suite: Suite, task: str, model: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.suite = suite
        self.task = task
        self.model = model
        # pytest-benchmark reads off these whether --benchmark-only and --benchmark-skip mean this item.
        self.fixturenames = ["benchmark"] if storage.session(self.config) else []

    def runtest(self) -> None:
        """Evaluate, hand the scores to the reports, keep the gates."""
        watch = Stopwatch()
        try:
            run = self.suite.evaluate(self.task, self.model, watch)
        except IncompatibleModelError as error:
            pytest.skip(str(error))
        self._report(run)
        storage.record(self, self.task, self.model, run, watch)
        checks = [gate.check(run) for gate in self.suite.gates.get(self.task, ())]
        self.user_properties += [(GATE, check.text) for check in checks]
        broken = [check.text for check in checks if not check.kept]
        if broken:
            raise GateError("\n".join(broken))

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:
        """Show what a user can correct as one line, and everything else with its traceback."""
        if isinstance(excinfo.value, InterplayError | GateError):
            return printable(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Say where it is from; pytest wants a line to point at when a cell is skipped."""
        return self.path, 0, self.name

    def _report(self, run: Run) -> None:
        self.user_properties.append((RUN, str(run.folder)))
        for name, score in run.scores.items():
            parts = {name: score.value, f"{name}.low": score.low, f"{name}.high": score.high, f"{name}.n": score.n}
            self.user_properties += [(key, value) for key, value in parts.items() if value is not None]
