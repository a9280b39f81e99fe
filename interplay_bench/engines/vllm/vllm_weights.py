"""The folder that vLLM reads: a model as it is, one with an adapter beside it, or one with adapters merged in."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interplay_bench.engines.pretrained.model_files import (
    ADAPTER,
    ADAPTER_CONFIG,
    check_adapter,
    read_object,
    tensor_names,
    weights_hash,
)
from interplay_bench.engines.pretrained.opening import quiet
from interplay_bench.engines.vllm.vllm_settings import VllmSettings
from interplay_bench.engines.weights import Layers, TransformersSettings, load
from interplay_bench.environment.cache_home import cache_home

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VllmWeights:
    """``folder``: a whole model. ``adapter``: low-rank updates, of at most ``rank``, to lay over it, or none."""

    folder: Path
    adapter: Path | None = None
    rank: int = 0


def vllm_weights(layers: Layers, settings: VllmSettings, dtype: str) -> VllmWeights:
    """What vLLM loads of ``layers``. Low-rank updates of the layers alone lie over their base, as vLLM can do it;
    those that also learn tokens, and adapters over adapters, are merged into a copy in the cache."""
    if not layers.adapters:
        return VllmWeights(layers.base)
    if len(layers.adapters) == 1:
        rank = _plain_rank(layers.adapters[0])
        if rank:
            return VllmWeights(layers.base, layers.adapters[0], rank)
    folder = _merged(layers, settings, dtype)
    log.info("%s: adapters merged in %s, which vllm serve takes too", settings.model, folder)
    return VllmWeights(folder)


def _plain_rank(adapter: Path) -> int:
    """The greatest rank of an adapter of nothing but low-rank updates of linear layers; 0 for every other one."""
    check_adapter(adapter)
    described = read_object(adapter / ADAPTER_CONFIG)
    names = tensor_names(adapter / ADAPTER)
    linear = all((".lora_A." in name or ".lora_B." in name) and "lm_head" not in name for name in names)
    special = any(described.get(key) for key in ("use_dora", "modules_to_save", "trainable_token_indices"))
    if described.get("peft_type") != "LORA" or special or not linear or described.get("bias", "none") != "none":
        return 0
    ranks: list[Any] = [described.get("r"), *(described.get("rank_pattern") or {}).values()]
    return max((rank for rank in ranks if isinstance(rank, int)), default=0)


def _merged(layers: Layers, settings: VllmSettings, dtype: str) -> Path:
    """The copy of the base that the adapters were merged into; made once, whole or not at all."""
    parts = [dtype, *map(weights_hash, (layers.base, *layers.adapters)), *map(str, layers.adapters)]
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    target = cache_home() / "weights" / f"merged-{name}"
    if target.is_dir():
        return target
    weights = load(
        TransformersSettings(
            settings.model, settings.revision, settings.package, settings.adapter, dtype=settings.dtype, device="cpu",
            trust_remote_code=settings.trust_remote_code, hint=settings.hint,
        )
    )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with quiet():
            weights.model.save_pretrained(scratch)
            weights.tokenizer.save_pretrained(scratch)
        scratch.rename(target)
    except OSError:
        if not target.is_dir():  # another process may have been faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target
