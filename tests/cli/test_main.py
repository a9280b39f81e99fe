from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.cli.commands import COMMANDS
from interplay_bench.cli.main import main, parser
from tests import random_model

Cli = Callable[..., subprocess.CompletedProcess[str]]
REPLAY = ("run", "--task", "user_multiturn")


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"], ["table", "--help"]])
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom interplay_bench.cli.main import main\n"
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
        (["--task", "user_multiturn", "--model", "fulfils"], ["fulfils:0.5"]),
        (["--task", "user_multiturn", "--model", "oracle:1"], ["after a colon"]),
        (["--task", "user_multiturn", "--model", "oracle", "--plugin", "no.py"], ["No plugin file"]),
        (["--task", "user_multiturn", "--model", "./no.toml"], ["No model card"]),
        (["--task", "user_multiturn", "--model", "oracle", "--resume"], ["--output"]),
        (["--task", "user_multiturn", "--model", "oracle", "--dataset", "redial", "--data", "no.jsonl"], ["no.jsonl"]),
        (["--task", "user_multiturn", "--model", "usersim-qwen8b"], ["usersim-qwen8b", "checkpoint"]),
        (["--task", "user_multiturn", "--model", "../cards/smollm2"], ["Unknown model '../cards/smollm2'"]),
        (["--task", "user_multiturn", "--model", "m" * 300], ["Unknown model"]),
        (["--task", "user_multiturn", "--model", "oracle", "--dataset", "redial", "--data", "~no-one/x"], ["~no-one"]),
        (
            ["--task", "user_multiturn", "--model", "oracle", "--output", "/dev/null/run"],
            ["cannot be kept", "--output"],
        ),
        (["--task", "user_multiturn", "--model", "oracle", "--output", "o" * 300], ["cannot be kept", "--output"]),
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
        ('summary = "x"\nadapter = "zero-shot"\n[settings]\nstop = ["."]', ["stop is no setting", "</response>"]),
        ('summary = "x"\nadapter = "zero-shot"\n[settings]\nseed = 7', ["seed is no setting", "--seed"]),
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--task", "user_multiturn", "--model", "oracle", "--seed", "-1"], "from 0 to 4294967295, not '-1'"),
        (["audit", "leaks", "--model", "smollm2", "--limit", "0"], "--limit must be at least 1"),
        (["audit", "leaks", "--model", "smollm2", "--set", "history=self"], "--set takes engine.K=V alone"),
        (["audit", "labels", "--dataset", "inspird"], "Did you mean 'inspired'"),
        (["audit", "labels", "--dataset", "sample"], "Unknown source of human labels"),
        (["show", ".", "--limit", "-1"], "--limit must be at least 1"),
    ],
)
def test_other_commands_take_no_nonsense_either(cli: Cli, arguments: list[str], words: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert words in done.stderr.splitlines()[-1]


def test_a_metric_is_listed_with_all_its_tasks(cli: Cli) -> None:
    lines = cli("list", "metrics").stdout.splitlines()
    assert next(line for line in lines if line.split()[0] == "words").endswith("by recommender, user_singleturn")


def test_output_goes_where_the_tilde_points(cli: Cli, tmp_path: Path) -> None:
    done = cli(*REPLAY, "--model", "oracle", "--limit", 2, "--output=~/run", env={"HOME": str(tmp_path / "home")})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / "run" / "run.json").is_file()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_arrows_shows_a_table(cli: Cli, encoding: str) -> None:
    done = cli(*REPLAY, "--model", "oracle", "--limit", 2, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert r"\u2191" in done.stdout


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        ("list | head -n 1", 0, ""),
        ("--help | true", 0, ""),
        ("run --task user_multiturn --model oracle --dataset sample --limit 2 --json | true", 0, ""),
        ("list > /dev/full", 1, "interplay-bench: No space left on device."),
        ("list 2>&-", 0, ""),
        ("list >&-", 0, ""),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path: Path, command: str, code: int, complaint: str) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    shell = f"set -o pipefail; {sys.executable} -m interplay_bench {command}"
    env = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, check=False, cwd=tmp_path, env=env, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.strip() == complaint


def test_with_standard_error_closed_json_is_still_alone(tmp_path: Path) -> None:
    run = "run --task user_multiturn --model oracle --limit 2 --json"
    shell = f"{sys.executable} -m interplay_bench {run} 2>&-"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(json.loads(done.stdout)) == {"metrics", "ledger"}


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, toy: Path) -> None:
    command = [sys.executable, "-m", "interplay_bench", *REPLAY, "--model", "slow", "--dataset", "toy"]
    process = subprocess.Popen(
        [*command, "--data", "4000", "--plugin", str(toy)], stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        # A shell may start what runs in the background with the signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    samples = tmp_path / "runs" / "toy-user_multiturn-slow-001" / "samples.jsonl"
    deadline = time.monotonic() + 60
    while not (samples.is_file() and samples.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    folder = "runs/toy-user_multiturn-slow-001"
    assert complaint == f"interplay-bench: interrupted; --output {folder} --resume goes on from here.\n"


def test_show_tells_what_was_said_instead_and_where_the_data_went(cli: Cli, toy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cli(*REPLAY, "--model", "likes-dune", "--dataset", "toy", "--plugin", toy, "--set", "history=self", "--output", run)
    assert "▸ said instead: Hm." in cli("show", run, "--plugin", toy, "--limit", 1).stdout
    record = json.loads((run / "run.json").read_text())
    record["request"] |= {"dataset": "redial", "data": "gone.jsonl"}
    (run / "run.json").write_text(json.dumps(record))
    done = cli("show", run)
    assert done.returncode == 2
    assert "gone.jsonl, is not to be found from here" in done.stderr


BROKEN = """
from interplay_bench import UserSimulator, adapter

@adapter("broken")
class Broken(UserSimulator):
    "Reads a file that is not there."
    def decide(self, views):
        {}
"""


@pytest.mark.parametrize("body", ["open('no such file')", "raise ValueError(chr(27) + '[31m')"])
def test_an_error_in_other_peoples_code_is_one_line_with_the_rest_at_hand(cli: Cli, tmp_path: Path, body: str) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(body))
    call = (*REPLAY, "--model", "broken", "--dataset", "sample", "--plugin", "broken.py", "--output", "run")
    done = cli(*call)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for words in ("(broken.py, line 8)", "run/error.log", "--debug"):
        assert words in done.stderr
    for shown in ((tmp_path / "run" / "error.log").read_text(), cli(*call, "--resume", "--debug").stderr):
        assert "Traceback" in shown
        assert "\x1b" not in shown


def test_an_error_of_the_callers_has_its_traceback_with_debug(cli: Cli) -> None:
    call = ("run", "--task", "no", "--model", "oracle", "--dataset", "sample")
    plain, debug = cli(*call), cli(*call, "--debug")
    assert (plain.returncode, debug.returncode) == (2, 2)
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr
    assert debug.stderr.endswith(plain.stderr)


EVIL = "\x1b[31mred\x07\u202eevil"


def test_names_cannot_steer_the_terminal(cli: Cli, toy: Path, tmp_path: Path) -> None:
    cli(*REPLAY, "--model", "oracle", "--dataset", "toy", "--plugin", toy, "--output", "run")
    path = tmp_path / "run" / "run.json"
    record = json.loads(path.read_text())
    for part, key in (("model", "name"), ("dataset", "split"), ("dataset", "name")):
        record[part][key] = EVIL
    record["ledger"]["outcomes"] = {EVIL: 12}
    path.write_text(json.dumps(record))
    for call in (
        ("table", "run"),
        ("compare", "run", "run"),
        ("table", EVIL),
        ("run", "--task", EVIL, "--model", EVIL),
    ):
        done = cli(*call, "--plugin", toy) if call[0] == "compare" else cli(*call)
        shown = done.stdout + done.stderr
        assert "evil" in shown
        assert not set("\x1b\x07\u202e") & set(shown), call


def test_a_model_whose_engine_was_set_otherwise_is_not_called_by_its_card_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "My model"\nsummary = "x"\nadapter = "echo"\n[engine]\nsize = "1"\n')
    (tmp_path / "echo.py").write_text(
        "from interplay_bench import Decision, UserSimulator, Verdict, adapter\n"
        "@adapter('echo')\nclass Echo(UserSimulator):\n    'x'\n"
        "    @classmethod\n    def from_card(cls, card, argument, seed): return cls()\n"
        "    def decide(self, views): return [Decision(Verdict.ACCEPT) for _ in views]\n"
    )
    call = (*REPLAY, "--model", "mine.toml", "--dataset", "sample", "--limit", "2", "--plugin", "echo.py")
    assert "\nMy model  " in cli(*call).stdout
    assert "My model (engine.size=2)" in cli(*call, "--set", "engine.size=2").stdout


@pytest.mark.parametrize("name", ["../../escaped", "/abs", "", ".hidden"])
def test_a_cards_name_is_no_path(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.toml").write_text(f'name = "{name}"\nsummary = "x"\nadapter = "oracle"\n')
    done = cli(*REPLAY, "--model", "mine.toml", "--dataset", "sample")
    assert done.returncode == 2
    assert "a name has only letters" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples_that_can_be_typed(name: str) -> None:
    for example in COMMANDS[name].examples:
        words = shlex.split(example)
        assert words[0] == name
        assert parser(words).parse_args(words).command == name


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tasks", ["--set history=gold|self (default: gold)", "run --task recommender --model recsim-smollm2"]),
        ("models", ["--model accept-at:3", "engine.model=Qwen/Qwen3-32B"]),
        ("datasets", ["--dataset redial --data PATH"]),
        ("metrics", ["higher is better; shown by default"]),
    ],
)
def test_a_kind_is_listed_with_options_and_examples(
    capsys: pytest.CaptureFixture[str], kind: str, words: list[str]
) -> None:
    assert main(["list", kind]) == 0
    listed = capsys.readouterr().out
    for word in words:
        assert word in listed


def test_what_a_model_was_given_can_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tokens = random_model.tokenizer(template="{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}")
    monkeypatch.setattr("interplay_bench.engines.local.transformers_model.load", lambda _: random_model.weights(tokens))
    given = ["run", "--task", "user_multiturn", "--model", "smollm2", "--limit", "1", "-o", str(tmp_path / "run")]
    assert main([*given, "--write-out", "1"]) == 0
    printed = capsys.readouterr().out
    assert "[system]You are a person who looks for a movie" in printed
    assert "log-probabilities: <accept> -" in printed
    assert main(["show", str(tmp_path / "run"), "--prompts"]) == 0
    assert capsys.readouterr().out.strip() in printed
    assert main(["run", "--task", "user_multiturn", "--model", "oracle", "--limit", "1", "--write-out", "1",
                 "-o", str(tmp_path / "other")]) == 0  # fmt: skip
    assert "reads no prompts" in capsys.readouterr().out
