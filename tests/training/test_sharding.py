"""What a machine without GPUs can check of training 8B on four: the configurations load, and the model shards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interplay_bench.card import find
from interplay_bench.training.plan import read_config
from interplay_bench.training.recipe import TrainingRecipe

CONFIGS = Path(__file__).parent.parent.parent / "configs"
SHARD = """
import sys
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from interplay_bench.card import find
from interplay_bench.training.loss import RoleLoss
from interplay_bench.training.plan import read_config, shape
from interplay_bench.training.recipe import TrainingRecipe

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
