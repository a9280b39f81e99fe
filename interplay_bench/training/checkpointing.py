"""The state that a training resumes from, as safetensors and JSON: written completely or not at all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from interplay_bench.environment.atomic_file import replacing, write_file
from interplay_bench.environment.errors import CheckpointError
from interplay_bench.environment.toml_and_json import from_json

FOLDER, LATEST, BEST = "resume", "latest.json", "best.safetensors"
SHARDED = ("FSDP", "DEEPSPEED")
"""Strategies that shard weights and optimizer state: those are saved in accelerate's own format."""

WRAPPERS = r"^module\.|_checkpoint_wrapped_module\.|_fsdp_wrapped_module\.|_orig_mod\."
"""What DDP, activation checkpointing, FSDP and torch.compile put into the names of parameters."""


@dataclass(slots=True)
class TrainingState:
    """Progress of a training. The schedule and the order of examples are functions of ``step`` and the seed."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    supervised: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)


def learnt(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The trainable parameters by name, without the prefixes of wrappers."""
    return {name: parameter.detach() for name, parameter in _learning(module)}


def _learning(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Each trainable parameter once, even if it is tied."""
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            yield re.sub(WRAPPERS, "", name), parameter


def save(folder: Path, accelerator: Any, model: Any, optimizer: Any, progress: TrainingState, plan: str) -> None:
    """Write the state of all processes after a step; the previous state stays valid until this one is complete.

    ``plan`` identifies the training, so that no other training resumes from this state.
    """
    target = folder / FOLDER / f"step-{progress.step:06d}"
    target.mkdir(parents=True, exist_ok=True)
    if accelerator.distributed_type.value in SHARDED:
        accelerator.save_state(str(target / "sharded"))
    elif accelerator.is_main_process:
        save_file(_contiguous(learnt(model)), target / "model.safetensors")
        tensors, rest = _flatten(optimizer.state_dict())
        save_file(tensors, target / "optimizer.safetensors")
        (target / "optimizer.json").write_text(json.dumps(rest))
    save_file(_rng_state(), target / f"chance-{accelerator.process_index}.safetensors")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (target / "progress.json").write_text(json.dumps(asdict(progress)))
        write_file(folder / FOLDER / LATEST, json.dumps({"state": target.name, "plan": plan}))
        for older in (folder / FOLDER).glob("step-*"):
            if older != target:
                shutil.rmtree(older, ignore_errors=True)


def restore(folder: Path, accelerator: Any, model: Any, optimizer: Any, plan: str) -> TrainingState | None:
    """Load the state in ``folder``; ``None`` if there is none yet.

    Raises :class:`CheckpointError` if the state is of another training, or damaged.
    """
    if not (folder / FOLDER / LATEST).is_file():
        return None
    try:
        return _read(folder, accelerator, model, optimizer, plan)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointError(
            f"The state in {folder / FOLDER} is damaged ({reason}): remove it and train anew."
        ) from error


def _read(folder: Path, accelerator: Any, model: Any, optimizer: Any, plan: str) -> TrainingState:
    pointer = folder / FOLDER / LATEST
    found = from_json(pointer.read_bytes())
    if found["plan"] != plan:
        raise CheckpointError(
            f"{folder} holds a training with another recipe, data, seed or number of processes: it cannot be "
            "resumed. Choose another --output."
        )
    source = folder / FOLDER / found["state"]
    if accelerator.distributed_type.value in SHARDED:
        accelerator.load_state(str(source / "sharded"))
    else:
        put(model, load_file(source / "model.safetensors"))
        rest = from_json((source / "optimizer.json").read_bytes())
        optimizer.load_state_dict(_unflatten(load_file(source / "optimizer.safetensors"), rest))
    _set_rng_state(load_file(source / f"chance-{accelerator.process_index}.safetensors"))
    return TrainingState(**from_json((source / "progress.json").read_bytes()))


def put(module: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Copy ``weights`` into the trainable parameters."""
    with torch.no_grad():
        for name, parameter in learnt(module).items():
            parameter.copy_(weights[name])


def keep_best(folder: Path, accelerator: Any, model: Any) -> None:
    """Write the weights as the best so far. Every process takes part: each may hold only a shard."""
    weights = _whole(accelerator, model)
    if accelerator.is_main_process:
        path = folder / FOLDER / BEST
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            save_file(_contiguous(weights), draft)
    accelerator.wait_for_everyone()


def take_best(folder: Path, accelerator: Any, model: Any) -> None:
    """Put what :func:`keep_best` wrote back into the model, whole or in shards."""
    kind = accelerator.distributed_type.value
    reads = accelerator.is_main_process or kind not in SHARDED
    weights: dict[str, Any] = load_file(folder / FOLDER / BEST) if reads else {}
    if kind == "DEEPSPEED":
        from deepspeed.zero import GatheredParameters

        for name, parameter in _learning(accelerator.unwrap_model(model)):
            with GatheredParameters([parameter], modifier_rank=0), torch.no_grad():
                if weights:
                    parameter.copy_(weights[name])
    elif kind in SHARDED:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True, strict=False)
        set_model_state_dict(model, {**weights}, options=options)
    else:
        put(accelerator.unwrap_model(model), weights)


def _whole(accelerator: Any, model: Any) -> dict[str, Any]:
    """The trainable weights, gathered from all shards on the main process; other processes may get none."""
    kind = accelerator.distributed_type.value
    weights = learnt(accelerator.unwrap_model(model))
    if kind not in SHARDED:
        return weights
    if kind == "DEEPSPEED":
        gathered = accelerator.get_state_dict(model)
    else:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        gathered = get_model_state_dict(model, options=options)
    return {name: gathered[name] for name in weights} if accelerator.is_main_process else {}


def _contiguous(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}


def _flatten(state: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """An optimiser's state as tensors by ``parameter.name``, and the rest, which is JSON."""
    tensors = {
        f"{index}.{name}": torch.as_tensor(value).detach().cpu().contiguous()
        for index, values in state["state"].items()
        for name, value in values.items()
    }
    return tensors, {"param_groups": state["param_groups"]}


def _unflatten(tensors: dict[str, torch.Tensor], rest: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = tensor
    return {"state": state, **rest}


def _rng_state() -> dict[str, torch.Tensor]:
    """The state of torch's random generators."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _set_rng_state(states: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
