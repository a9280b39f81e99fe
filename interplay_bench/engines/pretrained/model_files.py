"""What a folder of weights must be before a library reads it: whole files, safetensors and JSON, never a pickle."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interplay_bench.environment.errors import CheckpointError

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
DESCRIBED = (CONFIG, "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", ADAPTER_CONFIG)
"""Files that are JSON objects wherever they are."""
TEXTS = ("*.json", "*.jinja", "*.model", "*.txt")
"""Files that are read beside the weights."""
POINTER = b"version https://git-lfs"
LARGEST = {
    r"layer|block|depth|expert": 1 << 10,
    r"hidden_size|intermediate_size|head_dim|d_model|d_ff|n_embd|n_inner": 1 << 20,
}
"""What a configuration may ask for: counts of modules, which are made one by one, and widths. Published models have up
to 512 experts and widths of 53,248; a damaged number would take hours, or all memory."""
SLICE = 4096
"""Bytes read at the beginning, middle and end of each tensor for :func:`weights_hash`."""


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter of peft and no model of its own."""
    return (folder / ADAPTER_CONFIG).is_file() and not any((folder / name).is_file() for name in (WEIGHTS, INDEX))


def check_model(folder: Path) -> None:
    """Raise :class:`CheckpointError` unless ``folder`` holds a configuration and all its weights as safetensors."""
    check_texts(folder)
    check_config(read_object(folder / CONFIG), folder / CONFIG)
    check_end_tokens(folder)
    if (folder / ADAPTER_CONFIG).is_file():
        raise CheckpointError(f"{folder} holds both a model and an adapter ({ADAPTER_CONFIG}): move one of them.")
    if (folder / WEIGHTS).is_file():
        tensor_names(folder / WEIGHTS)
    elif (folder / INDEX).is_file():
        _check_shards(folder)
    else:
        raise CheckpointError(
            f"{folder} holds no {WEIGHTS}, and pickles (pytorch_model.bin) are not read: save the model with "
            "save_pretrained, which writes safetensors."
        )


def check_adapter(folder: Path) -> None:
    """Raise :class:`CheckpointError` unless ``folder`` holds an adapter's configuration and safetensors."""
    check_texts(folder)
    check_end_tokens(folder)
    described = read_object(folder / ADAPTER_CONFIG)
    if not isinstance(described.get("peft_type"), str):
        raise CheckpointError(f"{folder / ADAPTER_CONFIG} names no peft_type: it describes no adapter of peft.")
    if not (folder / ADAPTER).is_file():
        raise CheckpointError(f"The adapter {folder} holds no {ADAPTER}, and pickles are not read.")
    tensor_names(folder / ADAPTER)


def base_of(folder: Path) -> str:
    """The name of the model that the adapter in ``folder`` lies over."""
    base = read_object(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    if not base or not isinstance(base, str):
        raise CheckpointError(f"{folder / ADAPTER_CONFIG} does not name its base model: add base_model_name_or_path.")
    return base


def check_texts(folder: Path) -> None:
    """Raise :class:`CheckpointError` where a JSON file of ``folder`` is torn, or any text a Git LFS pointer."""
    for path in (each for pattern in TEXTS for each in folder.glob(pattern)):
        _check_pointer(path)
        if path.name in DESCRIBED:
            read_object(path)


def check_config(config: dict[str, Any], path: Path) -> None:
    """Refuse a configuration whose model could not even be laid out."""
    for key, value in _numbers(config):
        counts, widths = (re.search(names, key) for names in LARGEST)
        most = LARGEST[widths.re.pattern] if widths else LARGEST[counts.re.pattern] if counts else value
        if value > most and not key.endswith("block_size"):
            raise CheckpointError(f"{path}: {key} is {value:,}, where at most {most:,} is taken. Is it damaged?")


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object, or :class:`CheckpointError` that names the file."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"There is no {path.name} in {path.parent}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({_reason(error)}). Fetch it again.") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no JSON object. Fetch it again.")
    return content


def tensor_names(path: Path) -> set[str]:
    """The names in a safetensors file, its header checked against its size; no tensor is read."""
    return set(tensor_types(path))


def tensor_types(path: Path) -> dict[str, str]:
    """The names in a safetensors file and their types (``F32``, ``I8``), read as above."""
    from safetensors import SafetensorError, safe_open

    _check_pointer(path)
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is no whole safetensors file ({_reason(error)}). Fetch it again.") from None


def check_end_tokens(folder: Path) -> None:
    """Raise :class:`CheckpointError` where ``generation_config.json`` names an end token that is no token."""
    path = folder / "generation_config.json"
    ends = read_object(path).get("eos_token_id") if path.is_file() else None
    for end in ends if isinstance(ends, list) else [ends]:
        if end is not None and (not isinstance(end, int) or isinstance(end, bool)):
            raise CheckpointError(f"{path}: eos_token_id is {end!r}, which is no token's number. Correct it.")


def weights_hash(folder: Path) -> str:
    """Return a SHA-256 that changes with any training, at the cost of a few megabytes read.

    It covers each safetensors file's name, size and header (names, types, shapes), and 4 KiB at the beginning, the
    middle and the end of every tensor: training moves all of a tensor's numbers, so it shows in each.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        tensor_names(path)
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = file.read(size)
            digest.update(f"{path.name}:{path.stat().st_size}:".encode() + header)
            for name, tensor in sorted(json.loads(header).items()):
                if name == "__metadata__":
                    continue
                begin, end = tensor["data_offsets"]
                for at in {begin, max(begin, (begin + end - SLICE) // 2), max(begin, end - SLICE)}:
                    file.seek(8 + size + at)
                    digest.update(file.read(min(SLICE, end - at)))
    return digest.hexdigest()


SETTINGS = ("*.json", "*.model", "*.jinja", "merges.txt", "vocab.txt", "*.tiktoken", "*.bpe", "*.py")
"""Files beside the weights that change what a model reads or writes: configurations, tokenizers, templates, code."""
SAID_ELSEWHERE = ("*.index.json", "training*.json", "trainer_state.json")


def files_hash(*folders: Path) -> str:
    """Return a SHA-256 over the files beside the weights, by name and content."""
    digest = hashlib.sha256()
    for folder in folders:
        found = {path for pattern in SETTINGS for path in folder.glob(pattern)}
        found -= {path for pattern in SAID_ELSEWHERE for path in folder.glob(pattern)}
        for path in sorted(found):
            digest.update(f"{path.name}:{path.stat().st_size}:".encode() + path.read_bytes())
    return digest.hexdigest()


def _check_shards(folder: Path) -> None:
    """Every file that the index names must lie here as safetensors, and hold what it is said to."""
    shards = read_object(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise CheckpointError(f"{folder / INDEX} has no weight_map. Fetch it again.")
    for name in set(map(str, shards.values())):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{folder / INDEX} names {name!r}, no safetensors file beside it: it is not opened.")
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} lacks {name}, which {INDEX} names. Fetch it again.")
        lost = {tensor for tensor, shard in shards.items() if shard == name} - tensor_names(folder / name)
        if lost:
            raise CheckpointError(f"{folder / name} lacks {shown(lost)}, which {INDEX} says are in it. Fetch it again.")


def _check_pointer(path: Path) -> None:
    """A clone without Git LFS has a few lines of text where the weights should be."""
    try:
        with path.open("rb") as file:
            pointer = file.read(len(POINTER)) == POINTER
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({_reason(error)}).") from None
    if pointer:
        raise CheckpointError(f"{path} is a Git LFS pointer, not the file: run `git lfs pull` in its repository.")


def _numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value


def shown(names: set[str], most: int = 4) -> str:
    """The first of ``names`` in order, and how many more there are."""
    first = ", ".join(sorted(names)[:most])
    return f"{first} and {len(names) - most} more" if len(names) > most else first


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())[:200]
