from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
