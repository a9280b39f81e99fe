from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ADAPTER = """
from interplay_bench import Decision, UserSimulator, Verdict
from interplay_bench.simulators.adapter import adapter


@adapter("mine")
class MySimulator(UserSimulator):
    \"\"\"Takes what is called Dune.\"\"\"

    def decide(self, views):
        return [Decision(Verdict.ACCEPT if "{word}" in view.turns[-1].text else Verdict.REJECT) for view in views]
"""
CONFTEST = """
from pathlib import Path
from interplay_bench.plugins.plugin_file import load_plugin
load_plugin(Path(__file__).with_name("adapter.py"))
"""
TEST = """
from adapter import MySimulator

def test_mine(interplay, tmp_path):
    run = interplay.run("user_multiturn", MySimulator(), dataset="toy", data="28", limit=20, seed=1)
    assert run.folder.is_relative_to(tmp_path)
    assert run.record.dataset.dialogues == 20
    again = interplay.run("user_multiturn", "mine", dataset="toy", settings={"decide": "score"})
    assert again.folder != run.folder
    assert run["SR"].low > 0.6
"""
GATES = '[gates.user_multiturn]\nSR = ">= 0.5"\n'
Suite = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def suite(tmp_path: Path, toy: Path) -> Suite:
    """Run a user's project: three lines of conftest, one adapter, one gate, one test."""

    def run(word: str) -> subprocess.CompletedProcess[str]:
        files = {"conftest.py": CONFTEST, "adapter.py": ADAPTER.replace("{word}", word), "gates.toml": GATES}
        for name, text in {**files, "test_mine.py": TEST}.items():
            (tmp_path / name).write_text(text)
        command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "--interplay-dataset", "toy"]
        command += ["test_mine.py", "--interplay-plugin", str(toy), "--interplay-model", "mine"]
        command += ["--pyargs", "interplay_bench.tasks", "-k", "test_mine or user_multiturn"]
        command += ["--interplay-gates", "gates.toml", "--rootdir", "."]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_users_suite_passes(suite: Suite) -> None:
    done = suite("Dune")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert "user_multiturn[mine]: SR >= 0.5 kept" in done.stdout


def test_a_users_suite_fails(suite: Suite) -> None:
    done = suite("Emma")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed" in done.stdout
    assert "SR >= 0.5 broken: its interval's low end is" in done.stdout
    assert 'assert run["SR"].low > 0.6' in done.stdout
