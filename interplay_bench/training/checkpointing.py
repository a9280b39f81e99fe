"""All that a killed training needs to go on as if nothing had happened: safetensors and JSON, whole or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from interplay_bench.errors import CheckpointError

FOLDER, LATEST = "resume", "latest.json"
SHARDED = ("FSDP", "DEEPSPEED")
"""Ways of distributing whose weights and optimiser lie in pieces: accelerate's own format keeps those."""


@dataclass(slots=True)
class Progress:
    """How far a training is. The schedule and the order of examples are functions of ``step`` and the seed."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    supervised: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)


def learnt(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that learn, by name, without what wrappers put in front."""
    named = module.named_parameters()
    return {name.removeprefix("module."): p.detach() for name, p in named if p.requires_grad}


def save(folder: Path, accelerator: Any, model: Any, optimizer: Any, progress: Progress, plan: str) -> None:
    """Write the state of all processes after a step; the one before stays in force until this one is whole.

    ``plan`` identifies the training, so that a state is never taken up by another one.
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
    save_file(_chance(), target / f"chance-{accelerator.process_index}.safetensors")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (target / "progress.json").write_text(json.dumps(asdict(progress)))
        _point(folder / FOLDER / LATEST, {"state": target.name, "plan": plan})
        for older in (folder / FOLDER).glob("step-*"):
            if older != target:
                shutil.rmtree(older, ignore_errors=True)


def restore(folder: Path, accelerator: Any, model: Any, optimizer: Any, plan: str) -> Progress | None:
    """Take up the state in ``folder``; ``None`` where there is none yet.

    Raises :class:`CheckpointError` where the state is of another training.
    """
    pointer = folder / FOLDER / LATEST
    if not pointer.is_file():
        return None
    found = json.loads(pointer.read_text())
    if found["plan"] != plan:
        raise CheckpointError(
            f"{folder} holds a training with another recipe, data, seed or number of processes: it cannot be gone on "
            "with. Choose another --output."
        )
    source = folder / FOLDER / found["state"]
    if accelerator.distributed_type.value in SHARDED:
        accelerator.load_state(str(source / "sharded"))
    else:
        put(model, load_file(source / "model.safetensors"))
        rest = json.loads((source / "optimizer.json").read_text())
        optimizer.load_state_dict(_unflatten(load_file(source / "optimizer.safetensors"), rest))
    _set_chance(load_file(source / f"chance-{accelerator.process_index}.safetensors"))
    return Progress(**json.loads((source / "progress.json").read_text()))


def put(module: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Write ``weights`` into the parameters that learn."""
    with torch.no_grad():
        for name, parameter in learnt(module).items():
            parameter.copy_(weights[name])


def keep_best(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    """Write the best weights so far."""
    path = folder / FOLDER / "best.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(_contiguous(weights), path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def read_best(folder: Path) -> dict[str, torch.Tensor]:
    """The weights that :func:`keep_best` wrote."""
    return dict(load_file(folder / FOLDER / "best.safetensors"))


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


def _chance() -> dict[str, torch.Tensor]:
    """The state of torch's random generators."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _set_chance(states: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def _point(path: Path, content: dict[str, str]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)
