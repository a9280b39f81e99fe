"""The four extension points beside tasks and adapters: a file each, of at most 30 lines, and nothing of ours edited."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "extensions"
Cli = Callable[..., subprocess.CompletedProcess[str]]
CARD = """summary = "Says it backwards"
adapter = "zero-shot"
[engine]
kind = "backwards"
shout = true
"""


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_an_extension_is_one_small_file(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 32, "30 lines and the blank ones that a formatter adds"


def test_all_of_them_work_together(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "backwards.toml").write_text(CARD)
    plugins = [word for name in ("dataset", "engine", "metric") for word in ("--plugin", FOLDER / f"own_{name}.py")]
    call = ("run", "--task", "user_singleturn", "--model", "backwards.toml", "--dataset", "songs", *plugins)
    done = cli(*call, "--output", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["questions"]["count"] == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["model"]["identity"]["shout"]
    assert "code:" in record["metrics"]["questions"]["signature"]
    assert set(record["code"]) == {"own_dataset.py", "own_engine.py"}
    compared = cli("compare", "run", "run", *plugins)
    assert compared.returncode == 0, compared.stderr
    assert "questions" in compared.stdout
    listed = cli("list", *plugins).stdout
    assert "questions" in listed
    assert "songs" in listed


def test_an_export_of_ones_own(cli: Cli, tmp_path: Path) -> None:
    call = ("simulate", "--user", "accept-first", "--recommender", "popularity", "--limit", "2", "--output", "run")
    done = cli(*call, "--export", "script", "--plugin", FOLDER / "own_export.py")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "run" / "export" / "script" / "script.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["play"].startswith("USER: ")


def test_a_misspelt_export_is_found_before_the_work(cli: Cli, tmp_path: Path) -> None:
    call = ("simulate", "--user", "accept-first", "--recommender", "popularity", "--limit", "2", "--output", "run")
    done = cli(*call, "--export", "chatlm")
    assert done.returncode == 2
    assert "Did you mean 'chatml'" in done.stderr
    assert not (tmp_path / "run").exists()
