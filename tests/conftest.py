from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Each worker of pytest-xdist takes its share of the cores, and threads that have no work do not spin. Children inherit
# it; all of it must be set before torch is imported.
_CORES = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
for _variable in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_variable, str(_CORES))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# nohup and some runners start us with the signal ignored, which the children of the tests of Ctrl-C would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

TOY = Path(__file__).parent / "toy_plugin.py"
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def toy() -> Path:
    """The file of a plugin that brings a data set ``toy``, models and a task."""
    return TOY


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run ``interplay-bench`` as a user does, in an empty folder."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "interplay_bench", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env={**os.environ, **(env or {})}
        )

    return run


@pytest.fixture
def replay(cli: Cli) -> Callable[..., dict[str, dict[str, object]]]:
    """Run ``user_multiturn`` through the command line; returns what ``--json`` prints."""

    def run(model: str, *arguments: object) -> dict[str, dict[str, object]]:
        done = cli("run", "--task", "user_multiturn", "--model", model, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run


def real_data() -> Path | None:
    """Where the real data sets lie, if they do."""
    named = os.environ.get("INTERPLAY_DATA")
    folder = Path(named) if named else Path(__file__).parent.parent.parent / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    folder = real_data()
    if folder is None:
        pytest.skip("real data sets are absent: set INTERPLAY_DATA to their folder")
    return folder


SLOW = (
    "tests/training/", "tests/unicrs/", "tests/engines/local/", "tests/engines/endpoint/test_endpoint_model.py",
    "tests/engines/endpoint/test_endpoint_decisions.py",
    "tests/engines/test_chat_rendering.py", "tests/metrics/match_score/test_train_command.py", "tests/peers/",
    "tests/models/", "tests/cli/", "tests/plugins/", "tests/simulation/test_simulate.py", "tests/pytest_plugin/",
    "tests/simulation/test_language_models.py", "tests/simulation/test_crossplay.py", "tests/reports/test_browser.py",
    "tests/leaderboard/test_browser.py", "tests/evaluation/test_interruption.py", "tests/environment/",
    "tests/datasets/test_sample_composer.py", "tests/metrics/test_bertscore.py", "tests/study/",
    "tests/datasets/plain/", "tests/reports/test_page.py", "tests/tasks/test_interplay.py",
    "tests/docs/test_train_8b.py",
    "tests/tasks/test_recommender.py::test_controls", "tests/datasets/test_pearl.py::test_the_sample",
    "tests/leaderboard/test_render.py::test_ten_thousand", "tests/items/test_title_index.py::test_a_search_among",
    "tests/evaluation/test_evaluate.py::test_sigkill", "tests/evaluation/test_evaluate.py::test_ten_thousand",
    "tests/evaluation/test_run_record.py::test_a_second", "tests/evaluation/test_run_record.py::test_changed_code",
    "tests/evaluation/test_run_record.py::test_two_versions", "tests/evaluation/test_run_record.py::test_old_dir",
    "tests/evaluation/test_run_record.py::test_another_encoder",
)  # fmt: skip
"""Files and folders whose tests start processes, load models or train: left out by ``-m "not slow"``."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, by where it lies."""
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
