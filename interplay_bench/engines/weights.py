"""A local model as a card describes it: its weights, the adapters over them, and what identifies both."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from interplay_bench.engines.pretrained.finding import Source, commit, find
from interplay_bench.engines.pretrained.model_files import base_of, files_hash, is_adapter, weights_hash
from interplay_bench.engines.pretrained.opening import lay_over, loading, open_language_model, open_tokenizer
from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.processes import Processes

if TYPE_CHECKING:
    import torch


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TransformersSettings:
    """Options of the ``transformers`` and ``naive`` engines, as they stand in a model card.

    ``model``: a folder, or a hub id (with ``revision``). ``package``: a PyPI package carrying the same model as
    GGUF, used where the hub has not been and cannot be reached. ``adapter``: a PEFT folder or hub id laid over the
    model. ``dtype`` ``auto`` is bfloat16 where the processor computes in it, float32 otherwise. ``device_map`` and
    ``quantization`` are for models larger than one device. ``max_context``: tokens, prompt and text together; the
    model's own limit where absent. ``template``: extra variables of the chat template
    (``{enable_thinking = false}``). ``chat_template``: a Jinja file in the place of the model's own template (a model
    that has none reads plain transcripts). ``batch_tokens``: tokens in one forward pass, found by probing where absent.
    ``rows``: texts written at the same time. ``hint``: how to get the weights, for the error when they are missing.
    """

    model: str
    revision: str | None = None
    package: str | None = None
    adapter: str | None = None
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    device_map: str | None = None
    quantization: Literal["none", "4bit", "8bit"] = "none"
    trust_remote_code: bool = False
    max_context: int | None = Field(default=None, gt=1)
    template: dict[str, Any] = field(default_factory=dict)
    chat_template: str | None = None
    batch_tokens: int | None = Field(default=None, gt=0)
    rows: int | None = Field(default=None, gt=0)
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """A loaded model: ``model`` and ``tokenizer`` of transformers, and all that identifies them, as JSON values."""

    model: Any
    tokenizer: Any
    identity: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Layers:
    """A base model: what it is called, its folder, and those of the adapters over it, the innermost first."""

    source: Source
    base: Path
    adapters: tuple[Path, ...] = ()

    @property
    def tokenizer(self) -> Path:
        """The folder with the tokenizer: the outermost that has one."""
        with_one = [folder for folder in self.adapters if (folder / "tokenizer_config.json").is_file()]
        return [self.base, *with_one][-1]

    def identity(self) -> dict[str, object]:
        """What these files are: names, and hashes of the weights and of what lies beside them."""
        adapters = {"adapter": "+".join(map(weights_hash, self.adapters))} if self.adapters else {}
        return {
            "model": self.source.name,
            "revision": self.source.revision or commit(self.base),
            "weights": weights_hash(self.base),
            **adapters,
            "files": files_hash(self.base, *self.adapters),
        }


def load(settings: TransformersSettings) -> Weights:
    """Find and load a model, ready for inference.

    Raises :class:`CheckpointError` where the weights are not there, are not whole or do not fit, naming the way to get
    them.
    """
    import torch
    import transformers

    layers = find_layers(settings)
    if settings.quantization != "none" and len(layers.adapters) > 1:
        raise CheckpointError(
            f"{settings.model} is an adapter over an adapter, which quantised weights do not take: leave out "
            "quantization, or merge the inner one into its base."
        )
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    trust = settings.trust_remote_code
    tokenizer = open_tokenizer(layers.tokenizer, trust_remote_code=trust)
    if settings.chat_template is not None:
        tokenizer.chat_template = read_template(settings.chat_template)
    model = open_language_model(layers.base, trust_remote_code=trust, **_placement(settings, dtype))
    if layers.adapters:
        _add_rows(model, len(tokenizer))
    for folder in layers.adapters:
        model = _with_adapter(model, folder, settings)
    _check_rows(model, layers)
    if settings.device_map is None and settings.quantization == "none":
        model = model.to(device)
    model.eval()
    model.requires_grad_(False)
    identity = {
        **layers.identity(),
        "dtype": str(dtype).removeprefix("torch."),
        "quantization": "4bit-nf4" if settings.quantization == "4bit" else settings.quantization,
        "device": device.type,
        "chat_template": template_hash(tokenizer, settings.template),
        "max_context": context_limit(model.config, tokenizer, settings.max_context),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    return Weights(model, tokenizer, identity)


def find_layers(settings: TransformersSettings) -> Layers:
    """Find the model's folder. One that holds only an adapter, as ``train`` writes it, stands for itself over its base,
    which may be such a folder too."""
    source = Source(settings.model, settings.revision, settings.package, settings.hint)
    over = [find(Source(settings.adapter))] if settings.adapter else []
    folder = find(source)
    while is_adapter(folder):
        if folder in over:
            raise CheckpointError(f"The adapter {folder} lies over itself: correct its base_model_name_or_path.")
        over.insert(0, folder)
        # A revision given with a local adapter is its base's: the folder itself has none.
        revision = None if commit(folder) else source.revision
        source = Source(base_of(folder), revision, settings.package, settings.hint)
        folder = find(source)
    return Layers(source, folder, tuple(over))


def choose_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` is the first of cuda, mps, cpu that is there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, present in there.items() if present)
    if not there[name]:
        raise UsageError(f"There is no {name} device here. Set device = 'auto' or 'cpu'.")
    # Of several processes on a machine, each has the GPU of its own number.
    return torch.device(name, Processes.here().local) if name == "cuda" else torch.device(name)


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype called ``name``; ``auto`` is bfloat16 where ``device`` computes in it, float32 elsewhere."""
    import torch

    if name == "auto":
        name = "bfloat16" if _computes_in_bfloat16(device) else "float32"
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def context_limit(config: Any, tokenizer: Any, given: int | None) -> int:
    """How many tokens a model may see at once: as ``given``, or the smaller of its and its tokenizer's own limits."""
    config = config.get_text_config()
    own = getattr(config, "max_position_embeddings", None)
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    kind = rope.get("rope_type", rope.get("type")) if isinstance(rope, dict) else None
    if given is not None:
        if kind == "dynamic" and own and given > own:
            raise CheckpointError(
                f"max_context = {given} is above the model's own {own}: from there on its dynamic RoPE "
                "makes a prompt's score depend on longer ones before it. Leave it at that."
            )
        return given
    limit = min(int(own or 1 << 30), int(min(tokenizer.model_max_length, 1 << 30)))
    return limit if limit < 1 << 30 else 4096


def read_template(path: str) -> str:
    """The chat template in a Jinja file."""
    try:
        return typed_path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"engine.chat_template: {path} cannot be read ({error}). Name a Jinja file.") from None


def _placement(settings: TransformersSettings, dtype: torch.dtype) -> dict[str, object]:
    options: dict[str, object] = {"dtype": dtype}
    if settings.device_map is not None:
        options["device_map"] = settings.device_map
    if settings.quantization != "none":
        from transformers import BitsAndBytesConfig

        if importlib.util.find_spec("bitsandbytes") is None:
            raise CheckpointError(f"quantization = {settings.quantization!r} needs: pip install bitsandbytes")
        four = settings.quantization == "4bit"
        # NF4 with its scales quantised again: Dettmers et al. (2023), QLoRA.
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=four,
            load_in_8bit=not four,
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
        )
        options.setdefault("device_map", "auto")
    return options


def _add_rows(model: Any, count: int) -> None:
    """Make room for the tokens that a training added: rows of no number, until the adapter says what they are."""
    import torch

    known = model.get_input_embeddings().num_embeddings
    if count <= known:
        return
    model.resize_token_embeddings(count, mean_resizing=False)
    with torch.no_grad():
        for table in (model.get_input_embeddings(), model.get_output_embeddings()):
            table.weight[known:] = torch.nan


def _check_rows(model: Any, layers: Layers) -> None:
    """Raise where rows that were added are in no adapter. (Quantised weights keep theirs beside them, unmerged.)"""
    if not layers.adapters or hasattr(model, "peft_config"):
        return
    for what, table in (("embedding", model.get_input_embeddings()), ("output", model.get_output_embeddings())):
        if bool(table.weight.isnan().any()):
            raise CheckpointError(
                f"The adapter {layers.adapters[-1]} lacks the {what} rows of the tokens that it adds: it was "
                "trained without them. Train it again."
            )


def _with_adapter(model: Any, folder: Path, settings: TransformersSettings) -> Any:
    """Lay the adapter in ``folder`` over the model, and merge it in where the weights are not quantised."""
    adapted = lay_over(model, folder)
    if settings.quantization == "none":
        with loading(f"The adapter {folder}"):
            adapted = adapted.merge_and_unload()
    if (folder / "generation_config.json").is_file():
        from transformers import GenerationConfig

        with loading(f"The generation_config.json of {folder}"):
            # Where a text ends, as it was trained, also when the merged model is saved for other engines.
            model.generation_config = GenerationConfig.from_pretrained(folder)
    return adapted


def _computes_in_bfloat16(device: torch.device) -> bool:
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        there = torch.cpu.get_capabilities()
        return bool(there.get("avx512_bf16") or there.get("amx_bf16"))
    return False


def template_hash(tokenizer: Any, variables: Mapping[str, Any]) -> str:
    """A SHA-256 of the chat template and of what it is given."""
    return hashlib.sha256(json.dumps([tokenizer.chat_template, variables]).encode()).hexdigest()
