from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.task import TASKS
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.plugins.registry import Registry
from interplay_bench.simulators.adapter import ADAPTERS
from interplay_bench.simulators.card import shipped_cards

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a third-party package."""
    place = tmp_path_factory.mktemp("site")
    project = place / "project"
    shutil.copytree(Path(__file__).parents[1] / "third_party", project)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(place / "packages"), str(project)], check=True, capture_output=True)
    return place / "packages"


def test_an_installed_package_brings_tasks_and_adapters(cli: Cli, installed: Path, toy: Path) -> None:
    env = {"PYTHONPATH": str(installed)}
    listed = cli("list", env=env).stdout
    assert "book_count" in listed
    assert "bookworm" in listed
    run = ("run", "--task", "book_count", "--model", "bookworm", "--dataset", "toy", "--plugin", toy, "--json")
    done = cli(*run, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["dialogues"]["value"] == 12


def test_an_installed_package_brings_metrics_data_sets_engines_and_exports(
    cli: Cli, installed: Path, toy: Path, tmp_path: Path
) -> None:
    env = {"PYTHONPATH": str(installed)}
    run = ("run", "--task", "book_count", "--model", "bookworm", "--dataset", "toy", "--plugin", toy, "--json")
    assert json.loads(cli(*run, env=env).stdout)["metrics"]["long names"]["count"] == 2
    (tmp_path / "mumble.toml").write_text('summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "mumble"\n')
    call = ("run", "--task", "user_multiturn", "--model", "mumble.toml", "--dataset", "shelf", "--limit", "2")
    assert cli(*call, env=env).returncode == 0
    call = ("simulate", "--user", "accept-first", "--recommender", "popularity", "--dataset", "shelf", "--limit", "2")
    done = cli(*call, "--output", "other", "--export", "ends", env=env)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "other" / "export" / "ends" / "train.jsonl").read_text().splitlines()) == 2


def test_an_entry_point_that_does_not_import_is_one_line(cli: Cli, installed: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(installed, broken)
    (broken / "interplay_books" / "bookworm.py").write_text("import no_such_module\n")
    done = cli("list", "models", env={"PYTHONPATH": str(broken)})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "bookworm" in done.stderr


def test_a_plugin_is_loaded_once(toy: Path) -> None:
    load_plugin(toy)
    before = TASKS.find("turns")
    load_plugin(toy)
    assert TASKS.find("turns") is before


def test_two_things_of_one_name_are_an_error(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            "from interplay_bench import UserSimulator\nfrom interplay_bench.simulators.adapter import adapter\n"
            "@adapter('twin')\nclass Twin(UserSimulator):\n    'A twin.'\n    def decide(self, views): return []\n"
        )
    load_plugin(tmp_path / "one.py")
    with pytest.raises(UsageError, match="Two adapters are called 'twin'"):
        load_plugin(tmp_path / "two.py")


def test_two_files_of_one_name_are_two_plugins(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            "from interplay_bench import UserSimulator\nfrom interplay_bench.simulators.adapter import adapter\n"
            "@adapter('namesake')\nclass Mine(UserSimulator):\n    'Mine.'\n    def decide(self, views): return []\n"
        )
    load_plugin(tmp_path / "here" / "mine.py")
    with pytest.raises(UsageError, match="Two adapters are called 'namesake'"):
        load_plugin(tmp_path / "there" / "mine.py")


@pytest.mark.parametrize(
    ("kind", "mend"), [("adapter", "subclass UserSimulator"), ("task", "subclass interplay_bench")]
)
def test_only_classes_of_the_right_kind_are_taken(tmp_path: Path, kind: str, mend: str) -> None:
    (tmp_path / f"no_{kind}.py").write_text(f"from interplay_bench import {kind}\n@{kind}('odd')\nclass Odd: pass\n")
    with pytest.raises(UsageError, match=mend):
        load_plugin(tmp_path / f"no_{kind}.py")


def test_a_plugin_that_fails_says_where(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("1 / 0\n")
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        load_plugin(tmp_path / "bad.py")


def test_everything_registered_has_a_summary() -> None:
    assert all(task.summary() for task in TASKS.all().values())
    assert all(shipped_cards().values())
    assert all(adapter.__doc__ for adapter in ADAPTERS.all().values())


def test_the_papers_models_have_cards() -> None:
    papers = {"usersim-qwen8b", "usersim-llama8b", "recsim-qwen8b", "recsim-llama8b", "llama3.1-70b", "qwen3-32b"}
    assert papers <= set(shipped_cards())


def test_what_failed_to_load_fails_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first call that found a broken entry point must not let the next one go on without it."""

    class Point:
        name, value = "broken", "no_such_module"

        def load(self) -> None:
            raise ImportError("no_such_module")

    class Points(list[Point]):
        def select(self, **_: str) -> list[Point]:
            return list(self)

    monkeypatch.setattr("interplay_bench.plugins.registry._entry_points", lambda: Points([Point()]))
    registry: Registry[object] = Registry("thing", "things", [])
    for _ in range(2):
        with pytest.raises(UsageError, match="The entry point 'broken'"):
            registry.all()
