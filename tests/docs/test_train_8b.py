"""The commands of docs/train-8b.md run as they stand, with tiny models where the hub's cache has the real ones."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from interplay_bench.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "train-8b.md"
SAMPLE = ROOT / "interplay_bench" / "datasets" / "sample"
HUB = {
    "Qwen/Qwen3-8B-Base": "qwen3", "Qwen/Qwen3-32B": "qwen3", "meta-llama/Llama-3.1-8B": "llama",
    "meta-llama/Llama-3.1-70B-Instruct": "llama",
}  # fmt: skip


def test_at_most_six_commands_make_table_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, *lines = PAGE.read_text(encoding="utf-8").split("```")[1].splitlines()
    install, *commands = map(shlex.split, lines)
    assert install[:2] == ["pip", "install"]
    assert len(commands) < 6
    files(tmp_path / "pearl")
    for name, architecture in HUB.items():
        model(architecture, tmp_path / "hub" / f"models--{name.replace('/', '--')}")
    (tmp_path / "leaderboard").mkdir()
    shutil.copy(ROOT / "leaderboard" / "paper.toml", tmp_path / "leaderboard")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for command in commands:
        assert main(here(command)) == 0, capsys.readouterr().err
    table = (tmp_path / "leaderboard" / "README.md").read_text(encoding="utf-8").split("## Table 1 of the paper")[1]
    for name in ("usersim-qwen8b", "usersim-llama8b", "qwen3-32b", "llama3.1-70b"):
        (row,) = [line for line in table.splitlines() if line.startswith(f"| {name}") and "| measured |" in line]
        assert len(re.findall(r"\| \*{0,2}\d+\.\d+", row)) == 6, row


def here(command: list[str]) -> list[str]:
    """What of a command comes after ``interplay-bench``: in one process, of code that may be uncommitted, and with its
    patterns of names filled in, as a shell does it."""
    words = [name for word in command for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
    if words[0] == "accelerate":
        assert (ROOT / words[words.index("--config_file") + 1]).is_file()
        return words[words.index("interplay_bench") + 1 :]
    assert words[0] == "interplay-bench"
    return [*words[1:], *(["--allow-dirty"] if words[1] == "publish" else [])]


def files(folder: Path) -> None:
    """PEARL-shaped files of a few dialogues."""
    folder.mkdir()
    for split, count in (("train", 4), ("test", 1)):
        records = json.loads((SAMPLE / f"{split}.json").read_text(encoding="utf-8"))[:count]
        (folder / f"{split}.json").write_text(json.dumps(records))


def model(architecture: str, cached: Path) -> None:
    """A random model as the hub's cache holds it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    folder = cached / "snapshots" / ("0" * 40)
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    inner.train_from_iterator(json.loads((SAMPLE / "train.json").read_text())[0]["dialogue"], trainer)
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")
    torch.manual_seed(0)
    shape = {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
             "tie_word_embeddings": False}  # fmt: skip
    config = AutoConfig.for_model(architecture, **shape, **({"head_dim": 8} if architecture == "qwen3" else {}))
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
