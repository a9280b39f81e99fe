"""The one door through which weights are loaded: what is missing from them would be random, so it is refused."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from interplay_bench.engines.pretrained.model_files import (
    ADAPTER,
    check_adapter,
    check_model,
    check_texts,
    shown,
    tensor_names,
    tensor_types,
)
from interplay_bench.environment.errors import CheckpointError, InterplayError
from interplay_bench.environment.extras import require


def open_tokenizer(folder: Path, **options: object) -> Any:
    """The tokenizer in ``folder``; ``options`` are those of transformers."""
    import transformers

    check_texts(folder)
    with loading(f"The tokenizer in {folder}"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, **options)
        if not isinstance(tokenizer.model_max_length, int | float) or not tokenizer.model_max_length > 0:
            raise ValueError(f"its model_max_length is {tokenizer.model_max_length!r}, which is no number of tokens")
    return tokenizer


def open_language_model(folder: Path, **options: object) -> Any:
    """The causal language model in ``folder``, complete; ``options`` are those of transformers."""
    import transformers

    model, report = _open(transformers.AutoModelForCausalLM, folder, options)
    unknown = set(report["unexpected_keys"])
    if model.config.get_text_config() is not model.config:
        unknown = {name for name in unknown if _inside(model, name)}
    _complete(folder, set(report["missing_keys"]), unknown)
    return model


def open_config(folder: Path, **options: object) -> Any:
    """The configuration of the model in ``folder``, whose files are checked, but not read; ``options`` as above."""
    import transformers

    check_model(folder)
    with loading(f"The configuration in {folder}"):
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, **options)


def open_encoder(folder: Path, **options: object) -> Any:
    """The text encoder in ``folder``, complete as far as its token vectors go, ready for inference.

    The pooler and the heads of pre-training come after the token vectors, which are all that is read here.
    """
    import transformers

    model, report = _open(transformers.AutoModel, folder, options)
    missing = {name for name in report["missing_keys"] if not name.startswith("pooler.")}
    _complete(folder, missing, {name for name in report["unexpected_keys"] if _inside(model, name)})
    return model.eval()


def lay_over(model: Any, folder: Path) -> Any:
    """The adapter in ``folder`` over ``model``, complete; a model of peft."""
    peft = require("peft", "train")

    check_adapter(folder)
    with loading(f"The adapter {folder}"):
        config = peft.PeftConfig.from_pretrained(folder)
        config.inference_mode = True
        config.base_model_name_or_path = model.name_or_path  # as peft sets it, with a warning where the two differ
        adapted = peft.get_peft_model(model, config)
        report = adapted.load_adapter(folder, "default")
        wanted = set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
    _complete(folder, wanted - tensor_names(folder / ADAPTER), set(report.unexpected_keys))
    return adapted.eval()


@contextlib.contextmanager
def loading(what: str) -> Iterator[None]:
    """Turn whatever a library raises over files that it cannot take into one line that begins with ``what``."""
    try:
        with quiet():
            yield
    except (InterplayError, KeyboardInterrupt, SystemExit):
        raise
    except ImportError as error:
        raise CheckpointError(f"{what} cannot be loaded without a package that is missing: {_line(error)}") from error
    except BaseException as error:  # a fault in a library's Rust is no Exception
        raise CheckpointError(f"{what} cannot be loaded: {_line(error)}") from error


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


def _open(kind: Any, folder: Path, options: dict[str, object]) -> tuple[Any, dict[str, Any]]:
    check_model(folder)
    with loading(f"The weights in {folder}"):
        model, report = kind.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are named below, where transformers only says that there are some
            **options,
        )
    if report["mismatched_keys"]:
        name, found, wanted = min(report["mismatched_keys"])
        raise CheckpointError(
            f"The weights in {folder} do not fit its config.json: {name} is {_size(found)}, and {_size(wanted)} by the "
            "configuration (vocab_size, hidden_size, ...). Fetch both again, from the same place."
        )
    _check_numbers(model, folder)
    return model, report


def _check_numbers(model: Any, folder: Path) -> None:
    """Raise where the weights are quantised and nothing turns them back: whole numbers would be read as they are."""
    if getattr(model, "hf_quantizer", None) is not None:
        return
    described = getattr(model.config, "quantization_config", None)
    if described:
        method = described.get("quant_method") if isinstance(described, dict) else described
        raise CheckpointError(
            f"The weights in {folder} are quantised by {method!r}, which transformers does not know. Get the model "
            "unquantised, or correct its config.json."
        )
    floating = {name for name, value in model.named_parameters() if value.is_floating_point()}
    types = {name: kind for path in folder.glob("*.safetensors") for name, kind in tensor_types(path).items()}
    whole = {name for name, kind in types.items() if kind.startswith(("I", "U", "BOOL")) and name in floating}
    if whole:
        raise CheckpointError(
            f"The weights in {folder} hold whole numbers ({shown(whole)}) and config.json says of no quantization: "
            "get the model unquantised, or with its whole config.json."
        )


def _complete(folder: Path, missing: set[str], unknown: set[str]) -> None:
    """Raise where tensors are missing, or where the file has some that the model has no place for."""
    faults = [f"lack {shown(missing)}"] if missing else []
    faults += [f"have {shown(unknown)}, which the model does not know"] if unknown else []
    if faults:
        raise CheckpointError(
            f"The weights in {folder} {' and '.join(faults)}: they belong to another model, were renamed (as by "
            "torch.compile, with _orig_mod), or were saved in part. Save the whole model with save_pretrained."
        )


def _inside(model: Any, name: str) -> bool:
    """Whether a tensor's name begins with a part of ``model``, or of the base model in it."""
    name = name.removeprefix(f"{model.base_model_prefix}.")
    return name.partition(".")[0] in {part for part, _ in model.base_model.named_children()}


def _size(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{text[:300] or type(error).__name__}."
