from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
REPLAY = ("run", "--task", "user_multiturn")


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"], ["table", "--help"]])
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom interplay_bench.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pandas', 'matplotlib', 'numpy', 'pydantic', 'datasets'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_json_is_one_object_on_standard_output_and_nothing_else(cli: Cli, toy: Path) -> None:
    done = cli(*REPLAY, "--model", "oracle", "--dataset", "toy", "--plugin", toy, "--json")
    assert done.returncode == 0
    printed = json.loads(done.stdout)
    assert set(printed) == {"metrics", "ledger"}
    assert printed["metrics"]["SR"]["value"] == 1
    assert done.stderr == ""


def test_the_default_data_set_is_said(cli: Cli) -> None:
    done = cli(*REPLAY, "--model", "accept-first", "--limit", "3")
    assert done.returncode == 0, done.stderr
    assert "sample" in done.stderr
    assert "synthetic" in done.stdout


def test_runs_stand_side_by_side(cli: Cli, toy: Path, tmp_path: Path) -> None:
    for model in ("accept-first", "oracle"):
        cli(*REPLAY, "--model", model, "--dataset", "toy", "--plugin", toy, "--output", tmp_path / model)
    table = cli("table", tmp_path / "accept-first", tmp_path / "oracle").stdout
    assert "accept-first" in table
    assert "oracle *" in table
    assert "1.0000" in table


def test_show_prints_turns_actions_and_decisions(cli: Cli, toy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cli(*REPLAY, "--model", "likes-dune", "--dataset", "toy", "--plugin", toy, "--output", run)
    shown = cli("show", run, "--plugin", toy, "--outcome", "success", "--limit", 1).stdout
    assert "[recommend] → Dune (1965)" in shown
    assert "accept, P(accept) = 0.900" in shown
    assert shown.count("──") == 1


def test_list_names_everything(cli: Cli, toy: Path) -> None:
    listed = cli("list", "--plugin", toy).stdout
    for name in ("user_multiturn", "user_singleturn", "smollm2", "llama3.1-70b", "usersim-qwen8b", "redial", "pearl",
                 "inspired", "sample", "oracle", "SR", "BERTScore", "likes-dune", "turns", "toy"):  # fmt: skip
        assert name in listed, name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "user_multitrun", "--model", "oracle"], ["user_multitrun", "Did you mean 'user_multiturn'"]),
        (["--task", "user_multiturn", "--model", "smolm2"], ["smolm2", "Did you mean 'smollm2'"]),
        (["--task", "user_multiturn", "--model", "oracle", "--dataset", "redail"], ["Did you mean 'redial'"]),
        (["--task", "user_multiturn", "--model", "oracle", "--split", "dev"], ["no split 'dev'"]),
        (["--task", "user_multiturn", "--model", "oracle", "--set", "history"], ["K=V"]),
        (["--task", "user_multiturn", "--model", "oracle", "--set", "engine.dtype=float32"], ["no engine"]),
        (["--task", "user_multiturn", "--model", "oracle", "--limit", "0"], ["--limit"]),
        (["--task", "user_multiturn", "--model", "accept-at"], ["accept-at:3"]),
        (["--task", "user_multiturn", "--model", "accept-at:0"], ["at least 1"]),
        (["--task", "user_multiturn", "--model", "random:2"], ["random:0.3"]),
        (["--task", "user_multiturn", "--model", "oracle:1"], ["after a colon"]),
        (["--task", "user_multiturn", "--model", "oracle", "--plugin", "no.py"], ["No plugin file"]),
        (["--task", "user_multiturn", "--model", "./no.toml"], ["No model card"]),
        (["--task", "user_multiturn", "--model", "oracle", "--resume"], ["--output"]),
        (["--task", "user_multiturn", "--model", "oracle", "--dataset", "redial", "--data", "no.jsonl"], ["no.jsonl"]),
        (["--task", "user_multiturn", "--model", "usersim-qwen8b"], ["usersim-qwen8b", "checkpoint"]),
    ],
)
def test_a_users_mistake_is_one_clear_line(cli: Cli, arguments: list[str], words: list[str]) -> None:
    done = cli("run", *arguments)
    assert done.returncode != 0
    assert done.stdout == ""
    complaint = [line for line in done.stderr.splitlines() if not line.startswith("No --dataset given")]
    assert len(complaint) == 1, done.stderr
    assert all(word in complaint[0] for word in words), complaint[0]


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ('sumary = "x"\nadapter = "zero-shot"', ["sumary", "Did you mean 'summary'"]),
        ('summary = "x"\nadapter = "zero-shoot"', ["zero-shoot", "Did you mean 'zero-shot'"]),
        ('summary = "x"\nadapter = "zero-shot"\n[engine]\nmodle = "x"', ["modle"]),
        ('summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "vlm"\nmodel = "x"', ["vlm"]),
        ('summary = "x"\nadapter = "zero-shot"\n[settings]\ntemprature = 1', ["temprature", "temperature"]),
        ('summary = "x"\nadapter = "oracle"\n[settings]\nx = 1', ["takes none"]),
        ("summary = ", ["no valid TOML"]),
        ('summary = "x"', ["adapter"]),
    ],
)
def test_a_broken_card_is_one_clear_line(cli: Cli, tmp_path: Path, card: str, words: list[str]) -> None:
    (tmp_path / "mine.toml").write_text(card)
    done = cli(*REPLAY, "--model", "./mine.toml", "--dataset", "sample")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
