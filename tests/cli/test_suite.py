"""Many cells by one command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.environment.errors import InterplayError, UsageError
from interplay_bench.evaluation.grid import Cell, Grid, controls
from interplay_bench.evaluation.run import runs_in
from interplay_bench.evaluation.suite import DataRequest, run_suite
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulators import model_spec

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def plugin(toy: Path) -> None:
    load_plugin(toy)


def test_one_command_runs_every_cell_and_prints_one_table(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("--task", "user_multiturn,turns", "--model", "oracle,accept-at:3", "--model", "likes-dune")
    done = cli("run", *given, "--dataset", "toy", "--plugin", toy, "-o", "kept")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\w+) on toy/test", done.stdout, re.M) == ["user_multiturn", "turns"]
    for model in ("oracle *", "accept-at:3", "likes-dune"):
        assert len(re.findall(rf"^{re.escape(model)} ", done.stdout, re.M)) >= 2
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        f"toy-{task}-{model}"
        for task in ("user_multiturn", "turns")
        for model in ("oracle", "accept-at_3", "likes-dune")
    }
    again = cli("run", *given, "--dataset", "toy", "--plugin", toy, "-o", "kept")
    assert again.returncode == 2
    assert "--resume" in again.stderr
    assert cli("table", "kept", "--plugin", toy).stdout.count("likes-dune") >= 2


def test_a_configuration_says_the_same_and_what_is_typed_goes_first(cli: Cli, toy: Path, tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(
        f"task = 'user_multiturn'\nmodel = ['likes-dune', 'oracle']\ndataset = 'toy'\nlimit = 9\nplugin = ['{toy}']\n"
        "output = 'kept'\nset = {counterfactual = 'swap'}\n"
    )
    done = cli("run", "--config", "suite.toml", "--model", "likes-dune", "--limit", 5, "--json")
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert next(run["model"] for run in runs) == "likes-dune"
    assert {run["model"] for run in runs} >= {"accept-first", "never-accept", "random:0.3", "oracle"}  # the controls
    assert {run["ledger"]["dialogues"] for run in runs} == {5}
    (tmp_path / "off.toml").write_text("task = 'turns'\nmodel = 'oracle'\ncontrols = false\ndatset = 'toy'\n")
    assert "Did you mean 'dataset'" in cli("run", "--config", "off.toml").stderr


def test_quiet_is_the_table_alone_and_version_is_said(cli: Cli, toy: Path) -> None:
    done = cli("run", "--task", "turns", "--model", "oracle", "--limit", 2, "--plugin", toy, "-q", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Kept in" not in done.stdout
    assert re.fullmatch(r"interplay-bench \d+\.\d+\S*\n", cli("--version").stdout)


def test_each_model_is_loaded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, build = [], model_spec.ModelSpec.build

    def count(spec: model_spec.ModelSpec, seed: int) -> model_spec.Model:
        built.append(spec.name)
        return build(spec, seed)

    monkeypatch.setattr(model_spec.ModelSpec, "build", count)
    grid = Grid.of(["user_multiturn", "turns"], ["oracle", "likes-dune"], {})
    result = run_suite(grid, DataRequest("toy"), tmp_path)
    assert built == ["oracle", "likes-dune"]
    assert [(run.record.task.name, run.record.model.name) for run in result.runs] == [
        (cell.task, cell.model) for cell in grid.cells()
    ]
    assert len(runs_in(tmp_path)) == 4


def test_resume_finishes_what_is_missing_and_one_failure_stops_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    grid = Grid.of(
        ["user_multiturn"], ["usersim-qwen8b", "oracle", "fixed-list"], {"engine.model": str(tmp_path / "no")}
    )
    result = run_suite(grid, DataRequest("toy"), tmp_path / "kept", tell=said.append)
    assert [run.record.model.name for run in result.runs] == ["oracle"]
    assert list(result.failed) == [Cell("user_multiturn", "usersim-qwen8b")]
    assert any(line.startswith("Left out: user_multiturn evaluates a user") for line in said)
    before = (result.runs[0].folder / "samples.jsonl").read_bytes()
    more = Grid.of(["user_multiturn"], ["oracle", "likes-dune"], {})
    again = run_suite(more, DataRequest("toy"), tmp_path / "kept", resume=True)
    assert [run.complete for run in again.runs] == [True, True]
    assert (again.runs[0].folder / "samples.jsonl").read_bytes() == before
    assert again.runs[0].record.timing is not None
    assert again.runs[0].record.timing.dialogues == 0


def test_settings_go_to_what_takes_them(tmp_path: Path) -> None:
    (tmp_path / "far.toml").write_text(
        "summary = ''\nadapter = 'zero-shot'\n[engine]\nkind = 'endpoint'\nmodel = 'm'\nbase_url = 'http://localhost:9'\n"
    )
    far = str(tmp_path / "far.toml")
    both = {"engine.dtype": "float32", "engine.concurrency": "2", "history": "self"}
    grid = Grid.of(["user_multiturn", "user_singleturn"], ["smollm2", far, "oracle"], both)
    assert grid.settings_of(Cell("user_singleturn", "smollm2")) == {"engine.dtype": "float32"}
    assert grid.settings_of(Cell("user_multiturn", far)) == {"engine.concurrency": "2", "history": "self"}
    assert grid.settings_of(Cell("user_multiturn", "oracle")) == {"history": "self"}
    with pytest.raises(UsageError, match="Did you mean 'history'"):
        Grid.of(["user_multiturn"], ["oracle"], {"histry": "self"})
    with pytest.raises(InterplayError, match="has an engine"):
        Grid.of(["user_multiturn"], ["oracle"], {"engine.dtype": "float32"})


def test_the_controls_of_a_task_are_those_of_its_side() -> None:
    assert {"accept-at:3", "random:0.3", "oracle"} <= set(controls(["user_multiturn"]))
    assert "fixed-list" in controls(["recommender"])
    assert not set(controls(["recommender"])) & set(controls(["user_multiturn"]))


def test_show_and_table_take_a_folder_of_a_crossplay(cli: Cli, toy: Path) -> None:
    made = cli("crossplay", "--users", "accept-first,likes-dune", "--recommenders", "fixed-list", "--dataset", "toy",
               "--limit", 2, "--plugin", toy, "-o", "x")  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert re.findall(r"^══ (\S+) ×", cli("show", "x", "--limit", 1, "--plugin", toy).stdout, re.M) == [
        "accept-first", "likes-dune",
    ]  # fmt: skip
    assert "likes-dune × fixed-list" in cli("table", "x", "--plugin", toy).stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("lea", {"leaderboard"}),
        ("run --task user_m", {"user_multiturn"}),
        ("run --model smollm2,orac", {"smollm2,oracle"}),
    ],
)
def test_the_shell_completes_names(typed: str, offered: set[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    line = f"interplay-bench {typed}"
    code = "import sys; sys.argv[0] = 'interplay-bench'; from interplay_bench.cli.main import main; main()"
    environment = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME":
                   str(tmp_path / "out"), "_ARGCOMPLETE_IFS": "\n"}  # fmt: skip
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, check=False, capture_output=True)
    found = {each.strip() for each in (tmp_path / "out").read_text().split("\n")}
    assert offered <= found
    assert "train" not in found
