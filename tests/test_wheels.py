"""What is released: a small wheel that works alone, and one with the checkpoints that it leaves out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from interplay_bench.simulators.checkpoint import SHIPPED

ROOT = Path(__file__).parents[1]
OFFLINE = "packages/interplay-bench-offline"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The two wheels, built from a copy: the project's own, the offline package's."""
    folder = tmp_path_factory.mktemp("wheels")
    clone = folder / "clone"
    for name in ("interplay_bench", "tasks", "models", "packages"):
        ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        shutil.copytree(ROOT / name, clone / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run([*build, "--wheel-dir", folder, clone, clone / OFFLINE], check=True)
    (program,) = folder.glob("interplay_bench-*.whl")
    (offline,) = folder.glob("interplay_bench_offline-*.whl")
    return program, offline


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an empty folder, over the packages that were unpacked beside it."""
    (folder / "empty").mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(folder / "site"), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder / "empty", env=environment, capture_output=True, text=True)


def test_the_shipped_checkpoints_are_those_of_the_clone() -> None:
    folder = ROOT / OFFLINE / "interplay_bench_offline" / "checkpoints"
    assert {path.name for path in folder.iterdir()} == SHIPPED


@pytest.mark.slow
def test_the_wheel_is_small_and_works_alone(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    program, offline = wheels
    assert program.stat().st_size < 1_500_000
    zipfile.ZipFile(program).extractall(tmp_path / "site")
    run = ("run", "--task", "user_multiturn", "--model", "accept-first", "--dataset", "sample", "--limit", "3")
    ended = python(tmp_path, "-m", "interplay_bench", *run)
    assert ended.returncode == 0, ended.stderr
    assert "3 dialogues" in ended.stdout

    find = ("-c", "from interplay_bench.simulators.checkpoint import find_checkpoint as f; print(f('usersim-smollm2'))")
    missing = python(tmp_path, *find)
    assert "pip install interplay-bench-offline" in missing.stderr.splitlines()[-1]
    zipfile.ZipFile(offline).extractall(tmp_path / "site")
    found = Path(python(tmp_path, *find).stdout.strip())
    assert found.is_relative_to(tmp_path / "site")
    assert (found / "adapter_model.safetensors").stat().st_size > 1_000_000
