"""What a machine without GPUs can check of training 8B on four: the model shards, and tiny ones of its kind train."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from interplay_bench.simulators.card import find
from interplay_bench.training.training_plan import read_config
from interplay_bench.training.training_recipe import TrainingRecipe
from tests.training.held_out import claimed, held_out_loss

HERE = Path(__file__).parent
CONFIGS = HERE.parent.parent / "configs"
SHARD = """
import sys
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from interplay_bench.simulators.card import find
from interplay_bench.training.loss import RoleLoss
from interplay_bench.training.training_plan import read_config, shape
from interplay_bench.training.training_recipe import TrainingRecipe

card, config = sys.argv[1:]
settings = load_config_from_file(config).fsdp_config
torch.distributed.init_process_group("fake", rank=0, world_size=4, store=FakeStore())
model = RoleLoss(shape(read_config(TrainingRecipe.of(find(card)))))
total = sum(p.numel() for p in model.parameters())
plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy=settings["fsdp_auto_wrap_policy"].lower())
policy = fsdp2_prepare_auto_wrap_policy(plugin, model)
mesh = init_device_mesh("cpu", (4,))
layers = [module for module in model.modules() if policy(module)]
for layer in layers:
    fully_shard(layer, mesh=mesh)
fully_shard(model, mesh=mesh)
print(len(layers), total, sum(p.to_local().numel() for p in model.parameters()))
"""


@pytest.mark.parametrize("card", ["usersim-qwen8b", "recsim-llama8b"])
def test_the_model_falls_into_four_equal_shards(card: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHARD, card, str(CONFIGS / "fsdp.yaml")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    layers, total, local = map(int, done.stdout.split())
    found = find(card)
    assert found is not None
    assert layers == read_config(TrainingRecipe.of(found)).num_hidden_layers
    assert local == pytest.approx(total / 4, rel=1e-3)
    assert local * 16 < 40 * 2**30  # weights, gradients and Adam's two moments in float32


@pytest.mark.parametrize("name", ["fsdp", "deepspeed", "cpu"])
def test_launcher_configurations_load(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert config.num_processes == (2 if name == "cpu" else 4)


def tiny(architecture: str, tokenizer: Any, folder: Path) -> Path:
    """A random model of the architecture, untied as the 8B ones are; Qwen3's tables have spare rows."""
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "max_position_embeddings": 512, "tie_word_embeddings": False}  # fmt: skip
    kinds: dict[str, dict[str, Any]] = {
        "llama": {"vocab_size": len(tokenizer), "rope_parameters": {
            "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 128}},
        "qwen3": {"vocab_size": len(tokenizer) + 64, "head_dim": 8},
    }  # fmt: skip
    torch.manual_seed(1)
    config = AutoConfig.for_model(architecture, **shape, **kinds[architecture])
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "method"), [("llama", "lora"), ("qwen3", "full")])
def test_two_shards_keep_the_best_weights_and_resume(
    architecture: str, method: str, tokenizer: Any, recipe: Callable[..., TrainingRecipe], card: Path, tmp_path: Path
) -> None:
    settings = {
        "base": str(tiny(architecture, tokenizer, tmp_path / "base")), "method": method, "epochs": "3", "patience": "0",
        "validation": "0.4", "evaluations": "2", "schedule": "constant",
        "learning_rate": {"full": "0.1", "lora": "0.5"}[method],
    }  # fmt: skip
    whole, halted = tmp_path / "whole", tmp_path / "halted"
    sharded(card, whole, settings)
    record = json.loads((whole / "training.json").read_text())
    assert record["best_step"] < record["steps"], "the last weights are to be worse than the best"
    assert held_out_loss(whole, recipe(**settings)) == pytest.approx(claimed(whole), abs=5e-3)
    sharded(card, halted, settings, "--set", "max_steps=2")
    assert held_out_loss(halted, recipe(**settings)) == pytest.approx(claimed(halted), abs=5e-3)
    sharded(card, halted, settings, "--resume")
    assert (whole / "losses.jsonl").read_text() == (halted / "losses.jsonl").read_text()
    name = "model.safetensors" if method == "full" else "adapter_model.safetensors"
    first, second = load_file(whole / name), load_file(halted / name)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    evaluated = subprocess.run(
        [sys.executable, "-m", "interplay_bench", "run", "--task", "user_multiturn", "--model", card, "--plugin",
         HERE / "talk_plugin.py", "--dataset", "talks", "--data", "2", "--set", f"engine.model={whole}", "--json"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert evaluated.returncode == 0, evaluated.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_shards_learn_what_whole_models_learn(
    tied: bool, make_base: Callable[..., Path], card: Path, tmp_path: Path
) -> None:
    settings = {"base": str(make_base(tied=tied))}
    sharded(card, tmp_path / "shards", settings)
    launch("cpu.yaml", ["-m", "interplay_bench"], card, tmp_path / "whole", settings)
    one, other = ([json.loads(line)["loss"] for line in (tmp_path / name / "losses.jsonl").open()]
                  for name in ("shards", "whole"))  # fmt: skip
    assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="deepspeed is not installed")
def test_zero_3_keeps_the_best_weights(
    tokenizer: Any, recipe: Callable[..., TrainingRecipe], card: Path, tmp_path: Path
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("accelerate runs DeepSpeed on GPUs only")
    settings = {"base": str(tiny("qwen3", tokenizer, tmp_path / "base")), "epochs": "6", "validation": "0.4",
                "learning_rate": "0.1", "patience": "0", "precision": "bf16"}  # fmt: skip
    launch("deepspeed.yaml", ["-m", "interplay_bench"], card, tmp_path / "out", settings)
    assert held_out_loss(tmp_path / "out", recipe(**settings)) == pytest.approx(claimed(tmp_path / "out"), abs=5e-2)


def sharded(card: Path, output: Path, settings: dict[str, str], *more: str) -> None:
    """Train in two processes by the configuration for GPUs, in float32."""
    launch("fsdp.yaml", ["--mixed_precision", "no", str(HERE / "shard_on_cpu.py")], card, output, settings, *more)


def launch(config: str, script: list[str], card: Path, output: Path, settings: dict[str, str], *more: str) -> None:
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--config_file", CONFIGS / config, "--num_processes", "2",
         "--main_process_port", "0", *script, "train", card, "--plugin", HERE / "talk_plugin.py", "--output", output,
         *options, *more],
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
