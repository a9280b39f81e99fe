from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from interplay_bench.cli.main import main
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.engines.language_model import Choice, Sampling
from interplay_bench.environment.errors import CheckpointError

PLUGIN = Path(__file__).parent / "talk_plugin.py"
ROOT = PLUGIN.parent.parent.parent


def train(card: Path, output: Path, *more: object) -> int:
    """The command, in this process."""
    return main(command(card, output, *more))


def command(card: Path, output: Path, *more: object) -> list[str]:
    words = ["train", card, "--plugin", PLUGIN, "--output", output, *more]
    return [*map(str, words)]


def test_a_full_checkpoint_loads_with_plain_transformers(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(card, tmp_path / "out") == 0
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert len(tokenizer("<accept>", add_special_tokens=False)["input_ids"]) == 1
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"README.md", "training.json", "losses.jsonl", "model.safetensors", "tokenizer.json"} <= written
    assert not [name for name in written if name.endswith((".bin", ".pt", ".pkl"))]
    assert "resume" not in written
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    readme = (tmp_path / "out" / "README.md").read_text()
    assert record["data"]["talks"] in readme
    assert record["command"].startswith("interplay-bench train")
    assert f"--plugin {PLUGIN}" in record["command"]
    assert record["supervised_tokens"] < record["tokens"]
    assert train(card, tmp_path / "out") == 2
    assert "already holds a finished training" in capsys.readouterr().err


def test_a_low_rank_checkpoint_loads_with_peft_and_in_the_engine(card: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert train(card, out, "--set", "method=lora", "--set", "rank=2") == 0
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"]
    tokenizer = AutoTokenizer.from_pretrained(out)
    bare = AutoModelForCausalLM.from_pretrained(base)
    bare.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model = PeftModel.from_pretrained(bare, out).eval()
    text = "Likes books.\n<user><action>"
    with torch.no_grad():
        logits = model(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits[0, -1]
    from interplay_bench.engines.reference import NaiveModel
    from interplay_bench.engines.weights import TransformersSettings

    engine = NaiveModel(TransformersSettings(model=str(out), dtype="float32"))
    prompt = Prompt((Message("system", (Part(Channel.PERSONA, text),)),), chat=False)
    answer = engine.choose([prompt], ["<accept>", "<feedback>"])[0]
    assert isinstance(answer, Choice)
    wanted = logits.log_softmax(-1)[tokenizer.convert_tokens_to_ids(["<accept>", "<feedback>"])]
    torch.testing.assert_close(torch.tensor(answer.logprobs), wanted, rtol=1e-3, atol=1e-3)
    assert engine.generate([prompt], Sampling(max_tokens=4))
    assert (out / "adapter_model.safetensors").stat().st_size < 30_000
    (out / "adapter_model.safetensors").rename(out / "adapter_model.bin")
    with pytest.raises(CheckpointError, match="pickles are not read"):
        NaiveModel(TransformersSettings(model=str(out), dtype="float32"))


def test_killed_and_resumed_it_ends_with_the_same_weights(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--set", "epochs=25", "--set", "patience=0"]
    broken = tmp_path / "broken"
    assert train(card, tmp_path / "whole", *more) == 0
    running = subprocess.Popen([sys.executable, "-m", "interplay_bench", *command(card, broken, *more)])
    deadline = time.monotonic() + 120
    while not list((broken / "resume").glob("step-00000[3-9]")) and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert train(card, broken, *more) == 2
    assert "Add --resume" in capsys.readouterr().err
    assert train(card, broken, "--set", "epochs=26", "--resume") == 2
    assert "another recipe" in capsys.readouterr().err
    assert train(card, broken, *more, "--resume") == 0
    same(tmp_path / "whole", broken, exactly=True)


def test_two_processes_make_what_one_makes(card: Path, tmp_path: Path) -> None:
    assert train(card, tmp_path / "one", "--set", "accumulation=4") == 0
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ROOT / "configs" / "cpu.yaml")]
    done = subprocess.run(
        [*launch, "--main_process_port", "0", "-m", "interplay_bench", *command(card, tmp_path / "two")],
        cwd=tmp_path, capture_output=True, text=True, timeout=900, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Kept in") == 1
    same(tmp_path / "one", tmp_path / "two", exactly=False)


def same(one: Path, other: Path, *, exactly: bool) -> None:
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert first.keys() == second.keys()
    for name, weight in first.items():
        if exactly:
            assert torch.equal(weight, second[name]), name
        else:
            torch.testing.assert_close(weight, second[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "usersim-smolm2"], "Did you mean 'usersim-smollm2'"),
        (["train", "smollm2"], r"has no [train] table"),
        (["train", "usersim-smollm2", "--set", "epoch=1"], "Did you mean 'epochs'"),
        (["train", "usersim-smollm2", "--set", "epochs"], "--set takes K=V"),
        (["train", "usersim-smollm2", "--data", "x.jsonl"], "--data takes NAME=PATH"),
        (["train", "usersim-smollm2", "--data", "redial=nowhere"], "There is no nowhere"),
        (["train", "usersim-smollm2", "--dry-run", "--mfu", "0"], "--mfu"),
    ],
)
def test_what_is_wrong_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_curve_needs_matplotlib_and_nothing_else_does(tmp_path: Path, monkeypatch: Any) -> None:
    from interplay_bench.training.curve import draw

    losses = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5, "validation": 1.6}]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not draw(losses, "a", tmp_path / "a.png")
    monkeypatch.undo()
    pytest.importorskip("matplotlib")
    assert draw(losses, "a", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_max_steps_ends_a_training_that_can_be_resumed(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--set", "patience=0"]
    assert train(card, tmp_path / "whole", *more) == 0
    ended = tmp_path / "ended"
    assert train(card, ended, *more, "--set", "max_steps=2") == 0
    assert "--resume and more of them continues it" in capsys.readouterr().out
    record = json.loads((ended / "training.json").read_text())
    assert (record["steps"], record["planned_steps"]) == (2, 6)
    assert train(card, ended, *more) == 2
    assert "Add --resume" in capsys.readouterr().err
    assert train(card, ended, *more, "--resume") == 0
    assert json.loads((ended / "training.json").read_text())["steps"] == 6
    same(tmp_path / "whole", ended, exactly=True)
    assert train(card, ended, *more, "--resume") == 2
    assert "already holds a finished training" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["losses.jsonl", "losses.png", "README.md", "training.json"])
def test_a_disk_that_is_full_at_the_end_loses_nothing(
    part: str, card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    plain = Path.replace

    def full(draft: Path, target: Path) -> Path:
        if Path(target).name == part:
            raise OSError(28, "No space left on device", str(target))
        return plain(draft, target)

    pytest.importorskip("matplotlib")
    monkeypatch.setattr(Path, "replace", full)
    assert train(card, out) == 1
    assert not (out / "training.json").exists()
    monkeypatch.undo()
    assert train(card, out, "--resume") == 0
    assert json.loads((out / "training.json").read_text())["steps"] == 6
    assert not (out / "resume").exists()


def test_the_printed_command_evaluates_what_was_trained(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a folder"
    assert train(card, out, "--set", "method=lora", "--set", "epochs=1") == 0
    folder, _, printed = capsys.readouterr().out.strip().removeprefix("Kept in ").partition(": ")
    assert folder == str(out)
    words = shlex.split(printed)
    assert words[:2] == ["interplay-bench", "run"]
    more = ["--dataset", "talks", "--data", "2", "--output", str(tmp_path / "run")]
    assert main([*words[1:], *more]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    from interplay_bench.engines.pretrained.model_files import weights_hash

    assert weights_hash(out) in json.dumps(record["model"])


@pytest.mark.parametrize("seed", ["-1", "x", str(2**32), str(2**63), "9" * 5000])
def test_a_seed_that_no_generator_takes_is_refused(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "usersim-smollm2", "--seed", seed])
    assert "a seed is a whole number from 0 to 4294967295" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["latest.json", "model.safetensors", "optimizer.safetensors", "optimizer.json"])
def test_a_damaged_state_is_one_line(name: str, card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert train(card, out, "--set", "max_steps=1") == 0
    (path,) = (out / "resume").rglob(name)
    path.write_bytes(path.read_bytes()[:20])
    capsys.readouterr()
    assert train(card, out, "--resume") == 2
    assert "is damaged" in (said := capsys.readouterr().err)
    assert said.strip().count("\n") == 0
