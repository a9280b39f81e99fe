"""A trained UniCRS on disk: what was learnt as safetensors, the graph, and what both belong to as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from interplay_bench.environment.atomic_file import replacing, write_file
from interplay_bench.environment.errors import CheckpointError, InterplayError
from interplay_bench.environment.toml_and_json import from_json
from interplay_bench.unicrs.graph import KnowledgeGraph
from interplay_bench.unicrs.network import NAMES, Network
from interplay_bench.unicrs.unicrs_recipe import UniCRSRecipe

WEIGHTS, CONFIG, GRAPH = "unicrs.safetensors", "config.json", "graph.json"
KIND = "unicrs"


def save(network: Network, folder: Path) -> None:
    """Write ``network`` to ``folder``; the frozen models are only named, the language model with a hash."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / WEIGHTS) as draft:
        save_file({name: t.detach().cpu().contiguous() for name, t in network.state().items()}, draft)
    _write(folder / GRAPH, network.graph.to_json())
    config = {"model_type": KIND, "recipe": network.recipe.to_json(), "base_weights": _base(network)}
    _write(folder / CONFIG, config)


def load(folder: Path, **engine: Any) -> Network:
    """Read what :func:`save` wrote; ``engine``: another dtype or device for the language model.

    Raises :class:`CheckpointError` where something is missing or does not fit together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config, graph = _read(folder / CONFIG), _read(folder / GRAPH)
    if config.get("model_type") != KIND:
        raise CheckpointError(f"{folder} holds no UniCRS: name a folder that `interplay-bench train unicrs` wrote.")
    try:
        recipe = TypeAdapter(UniCRSRecipe).validate_python(config.get("recipe"))
        state = load_file(folder / WEIGHTS)
        network = Network(recipe, KnowledgeGraph.of(graph, folder / GRAPH), names=state.get(NAMES), **engine)
        network.restore(state)
    except InterplayError:
        raise
    except (ValidationError, RuntimeError, SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"The UniCRS in {folder} cannot be loaded ({reason}): train it anew.") from None
    if config.get("base_weights") != _base(network):
        raise CheckpointError(
            f"The UniCRS in {folder} was trained on other weights than {recipe.base}'s: train it anew."
        )
    return network


def _base(network: Network) -> object:
    return network.language.identity["weights"]


def _write(path: Path, content: object) -> None:
    write_file(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = from_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): train the model anew.") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no JSON object: train the model anew.")
    return content
