"""Architectures that people run: tiny random models of each, zero-shot and with the markup's tokens added."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.engines.language_model import Sampling
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.engines.reference import NaiveModel
from interplay_bench.engines.weights import TransformersSettings
from tests.engines.local.replayed import CHOICES, make_tokenizer, same_choices
from tests.engines.local.replayed import PROMPTS as ALL_PROMPTS

PROMPTS = ALL_PROMPTS[1:5]  # one dialogue's, and one of another

# Llama 3.1 rescales its positions, Qwen3 normalises queries and keys and has a head size of its own, Mistral 0.1 and
# Gemma 3 see through windows (Gemma's in every other layer here), Phi 2 has biases and rotates half of each head, Phi 4
# fuses its projections, SmolLM3 has layers without positions, OLMo 2 normalises behind its layers.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {"tie_word_embeddings": False, "rope_parameters": {
        "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64}},
    "qwen3": {"head_dim": 16},
    "qwen3_moe": {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    "mistral": {"sliding_window": None},
    "phi": {},
    "phi3": {"tie_word_embeddings": False},
    "smollm3": {"no_rope_layer_interval": 2},
    "olmo2": {},
}  # fmt: skip
WINDOWS: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": 8},
    "gemma3_text": {"head_dim": 16, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
}


def checkpoint(architecture: str, own: dict[str, Any], added: bool, folder: Path) -> str:
    """Write a random model of the architecture; ``added``: with the markup's tokens, as ``train`` begins."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from interplay_bench.training.tokens import add_tokens

    tokenizer = make_tokenizer("straight")
    shape = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.4, "max_position_embeddings": 1024,
        "eos_token_id": 0, "bos_token_id": None, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **{**shape, **own}))
    if added:
        add_tokens(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("added", [False, True], ids=["zero-shot", "markup tokens"])
@pytest.mark.parametrize(
    ("architecture", "shares"), [*((name, True) for name in ARCHITECTURES), *((name, False) for name in WINDOWS)]
)
def test_both_engines_give_equal_answers(
    architecture: str, shares: bool, added: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = (ARCHITECTURES if shares else WINDOWS)[architecture]
    settings = TransformersSettings(model=checkpoint(architecture, own, added, tmp_path), dtype="float32", device="cpu")
    with caplog.at_level(logging.WARNING):
        ours, theirs = TransformersModel(settings), NaiveModel(settings)
        same_choices(ours.choose(PROMPTS, CHOICES), theirs.choose(PROMPTS, CHOICES))
        sampling = Sampling(max_tokens=4, stop=("film",), guided=added)
        assert ours.generate(PROMPTS, sampling) == theirs.generate(PROMPTS, sampling)
    assert ours.shares is shares
    said = [record.getMessage() for record in caplog.records if "one prompt at a time" in record.getMessage()]
    assert len(said) == (0 if shares else 1)


def test_prompts_that_fit_the_window_are_shared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = checkpoint("gemma3_text", {**WINDOWS["gemma3_text"], "sliding_window": 200}, False, tmp_path)
    TransformersModel(TransformersSettings(model=folder, dtype="float32", device="cpu"))
    assert "max_context = 200" in caplog.text
    settings = TransformersSettings(model=folder, dtype="float32", device="cpu", max_context=200)
    ours, theirs = TransformersModel(settings), NaiveModel(settings)
    assert ours.shares
    same_choices(ours.choose(PROMPTS, CHOICES), theirs.choose(PROMPTS, CHOICES))
