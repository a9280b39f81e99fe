from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from _pytest.pytester import SysModulesSnapshot

from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.evaluation.task import TASKS
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulators.model_spec import model_summaries

# pytester forgets every module that a session imports first, but a task's file is known by its module.
load_plugin(Path(__file__).parent.parent / "toy_plugin.py")
TASKS.all(), model_summaries(), DATASETS.all()

Session = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pytester keep the libraries that a session imports: numpy and its like cannot be imported twice."""
    restore = SysModulesSnapshot.restore

    def keep(snapshot: SysModulesSnapshot) -> None:
        libraries = {name: module for name, module in sys.modules.items() if _is_library(module)}
        restore(snapshot)
        sys.modules.update(libraries)

    monkeypatch.setattr(SysModulesSnapshot, "restore", keep)


def _is_library(module: object) -> bool:
    return "site-packages" in (getattr(module, "__file__", None) or "")


@pytest.fixture(autouse=True)
def alone(remembering: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of its own, so that the options of this one do not reach it, nor that it runs in several processes."""
    pytester.makeini("[pytest]")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def session(pytester: pytest.Pytester, toy: Path) -> Session:
    """A pytest session in an empty project, over twelve dialogues of the data set ``toy``."""

    def run(*arguments: object, models: tuple[str, ...] = (), xdist: bool = False) -> pytest.RunResult:
        named = [word for model in models for word in ("--interplay-model", model)]
        given = ["--interplay-plugin", toy, "--interplay-dataset", "toy", *named, *arguments]
        runner = pytester.runpytest_subprocess if xdist else pytester.runpytest_inprocess
        return runner(*map(str, ["-c", "tox.ini", "--rootdir", ".", "-p", "no:hypothesispytest", *given]))

    return run


@pytest.fixture
def multiturn() -> Path:
    """The file of the task ``user_multiturn``."""
    return Path(str(files("interplay_bench.tasks"))) / "user_multiturn.py"
