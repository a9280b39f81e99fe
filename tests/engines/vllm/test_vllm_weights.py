"""Which folder vLLM is given of a checkpoint of low-rank updates; no vLLM is needed for it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.engines.pretrained.opening import open_language_model
from interplay_bench.engines.vllm.vllm_settings import VllmSettings
from interplay_bench.engines.vllm.vllm_weights import vllm_weights
from interplay_bench.engines.weights import TransformersSettings, find_layers
from tests import random_model

pytestmark = pytest.mark.slow


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny language model, and a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tokens = random_model.tokenizer()
    tokens.save_pretrained(tmp_path / "base")
    random_model.weights(tokens).model.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def adapter(base: Path, **options: Any) -> Path:
    import peft

    config = peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], **options)
    adapted = peft.get_peft_model(open_language_model(base), config)
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(base.parent / "adapter")
    random_model.tokenizer().save_pretrained(base.parent / "adapter")
    return base.parent / "adapter"


def test_updates_of_layers_alone_lie_over_their_base(base: Path) -> None:
    folder = str(adapter(base))
    found = vllm_weights(find_layers(TransformersSettings(folder)), VllmSettings(folder), "float32")
    assert (found.folder, found.adapter, found.rank) == (base, Path(folder), 2)


def test_those_that_learn_tokens_are_merged_once_and_the_log_says_where(
    base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = str(adapter(base, trainable_token_indices=[3, 4]))
    layers, settings = find_layers(TransformersSettings(folder)), VllmSettings(folder, dtype="float32")
    with caplog.at_level(logging.INFO, logger="interplay_bench"):
        found = vllm_weights(layers, settings, "float32")
    assert found.adapter is None
    assert {each.name for each in found.folder.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert f"merged in {found.folder}" in caplog.text
    written = (found.folder / "model.safetensors").stat().st_mtime_ns
    assert vllm_weights(layers, settings, "float32") == found
    assert (found.folder / "model.safetensors").stat().st_mtime_ns == written
