"""What is loaded is whole and complete, or one line says why not; a pickle is never opened."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from interplay_bench.engines.pretrained.opening import open_encoder, open_language_model, open_tokenizer
from interplay_bench.engines.weights import TransformersSettings, load
from interplay_bench.environment.errors import CheckpointError
from interplay_bench.metrics.bertscore import BertScorer
from tests import random_model

Fault = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny language model, its output projection untied from its embedding."""
    tokens = random_model.tokenizer()
    tokens.save_pretrained(tmp_path / "model")
    random_model.weights(tokens).model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A tiny BERT whose pooler was not saved, beside the head of its pre-training: as published ones are."""
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    random_model.tokenizer().save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def tensors(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Fault:
    """Replace the tensors in the file."""

    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        changed = {name: tensor.clone() for name, tensor in change(load_file(path)).items()}
        save_file(changed, path, metadata={"format": "pt"})

    return apply


def edited(name: str, **values: object) -> Fault:
    """Set keys of a JSON file."""

    def apply(folder: Path) -> None:
        path = folder / name
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, **values}))

    return apply


def bytes_of(name: str, change: Callable[[bytes], bytes]) -> Fault:
    """Replace a file's bytes."""

    def apply(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes() if path.exists() else b""))

    return apply


def pickled(index: dict[str, object] | None) -> Fault:
    """Weights as a pickle, beside a safetensors file of another name and, if any, an index."""

    def apply(folder: Path) -> None:
        weights = folder / "model.safetensors"
        (folder / "decoy.safetensors").write_bytes(weights.read_bytes())
        weights.rename(folder / "pytorch_model.bin")
        if index is not None:
            (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return apply


def header(change: Callable[[dict[str, Any]], object]) -> Fault:
    """Change what a safetensors file says of itself."""

    def apply(raw: bytes) -> bytes:
        size = int.from_bytes(raw[:8], "little")
        described = json.loads(raw[8 : 8 + size])
        change(described)
        text = json.dumps(described).encode()
        return struct.pack("<Q", len(text)) + text + raw[8 + size :]

    return bytes_of("model.safetensors", apply)


LYING: dict[str, tuple[Fault, str]] = {
    "no output projection": (tensors(lambda t: {n: v for n, v in t.items() if n != "lm_head.weight"}), "lack lm_head"),
    "torch.compile": (tensors(lambda t: {f"_orig_mod.{n}": v for n, v in t.items()}), "_orig_mod"),
    "a layer is missing": (tensors(lambda t: {n: v for n, v in t.items() if ".layers.1." not in n}), "layers.1.input"),
    "one tensor is renamed": (
        tensors(lambda t: {n.replace("layers.0.mlp.up_", "layers.0.mlp.upp_"): v for n, v in t.items()}),
        "have model.layers.0.mlp.upp_proj.weight, which the model does not know",
    ),
    "a layer too many": (edited("config.json", num_hidden_layers=1), "layers.1"),
    "another vocabulary": (edited("config.json", vocab_size=99), "99 x 32 by the configuration"),
    "a million layers": (edited("config.json", num_hidden_layers=10**6), "num_hidden_layers is 1,000,000"),
    "a million experts, inside": (edited("config.json", text_config={"num_experts": 10**6}), "num_experts"),
    "enormous layers": (edited("config.json", intermediate_size=10**9), "intermediate_size"),
    "no number": (edited("config.json", num_hidden_layers="two"), "num_hidden_layers"),
    "no heads": (edited("config.json", num_attention_heads=0), "cannot be loaded"),
    "unknown kind": (edited("config.json", model_type=["llama"]), "cannot be loaded"),
    "GPTQ": (edited("config.json", quantization_config={"quant_method": "gptq", "bits": 4}), "gptq|optimum"),
    "AWQ": (edited("config.json", quantization_config={"quant_method": "awq", "bits": 4}), "gptqmodel|autoawq"),
    "unknown quantisation": (edited("config.json", quantization_config={"quant_method": "zzz"}), "quantised by 'zzz'"),
    "whole numbers": (
        tensors(lambda t: {n: v.char() if "up_" in n else v for n, v in t.items()}),
        "hold whole numbers",
    ),
    "a list": (bytes_of("config.json", lambda raw: b"[]"), "config.json is no JSON object"),
    "deep": (bytes_of("config.json", lambda raw: b'{"a":' * 100_000), "nested too deep"),
    "torn": (bytes_of("config.json", lambda raw: raw[:50]), "config.json cannot be read"),
    "not text": (bytes_of("config.json", lambda raw: b"\xff\xfe{"), "config.json cannot be read"),
    "an end that is no token": (edited("generation_config.json", eos_token_id=[0, "</s>"]), "eos_token_id is '</s>'"),
    "empty": (bytes_of("model.safetensors", lambda raw: b""), "no whole safetensors file"),
    "cut": (bytes_of("model.safetensors", lambda raw: raw[: len(raw) // 2]), "no whole safetensors file"),
    "endless header": (bytes_of("model.safetensors", lambda raw: struct.pack("<Q", 2**40)), "no whole safetensors"),
    "past the end": (header(lambda h: h["lm_head.weight"].update(data_offsets=[0, 2**40])), "no whole safetensors"),
    "odd type": (header(lambda h: h["lm_head.weight"].update(dtype="F99")), "no whole safetensors file"),
    "Git LFS": (bytes_of("model.safetensors", lambda raw: b"version https://git-lfs.github.com/spec/v1\n"), "lfs pull"),
    "Git LFS, tokenizer": (bytes_of("tokenizer.json", lambda raw: b"version https://git-lfs.github.com/"), "lfs pull"),
    "Git LFS, template": (
        bytes_of("chat_template.jinja", lambda raw: b"version https://git-lfs.github.com/"),
        "lfs pull",
    ),
    "a pickle": (pickled(None), "pickles .* are not read"),
    "an index of a pickle": (pickled({"weight_map": {"a": "pytorch_model.bin"}}), "names 'pytorch_model.bin'"),
    "an index elsewhere": (pickled({"weight_map": {"a": "../decoy.safetensors"}}), "names '../decoy.safetensors'"),
    "an index of nothing": (pickled({"weight_map": {"a": "gone.safetensors"}}), "lacks gone.safetensors"),
    "an index that lies": (pickled({"weight_map": {"a": "decoy.safetensors"}}), "decoy.safetensors lacks a"),
    "an index that is a list": (pickled({"weight_map": ["decoy.safetensors"]}), "has no weight_map"),
    "tokenizer torn": (bytes_of("tokenizer.json", lambda raw: raw[: len(raw) // 2]), "The tokenizer in"),
    "tokenizer a list": (bytes_of("tokenizer.json", lambda raw: b"[]"), "The tokenizer in"),
    "tokenizer deep": (bytes_of("tokenizer.json", lambda raw: b"[" * 100_000), "The tokenizer in"),
    "tokenizer of no model": (edited("tokenizer.json", model={}), "The tokenizer in"),
    "tokenizer of no length": (edited("tokenizer_config.json", model_max_length="x"), "model_max_length is 'x'"),
    "tokenizer of less": (edited("tokenizer_config.json", model_max_length=-1), "model_max_length is -1"),
}


@pytest.mark.parametrize("name", LYING)
def test_what_is_torn_or_lies_is_one_line(name: str, folder: Path) -> None:
    fault, message = LYING[name]
    fault(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(TransformersSettings(model=str(folder)))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_whole_loads_and_comes_back_equal(folder: Path) -> None:
    kept = load_file(folder / "model.safetensors")
    state = open_language_model(folder).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in kept.items())
    assert len(open_tokenizer(folder)) == 257


def test_shards_load(folder: Path) -> None:
    kept = open_language_model(folder)
    (folder / "model.safetensors").unlink()
    kept.save_pretrained(folder, max_shard_size="40KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert torch.equal(open_language_model(folder).lm_head.weight, kept.lm_head.weight)


def test_an_encoder_needs_no_pooler_and_every_layer(encoder: Path) -> None:
    assert open_encoder(encoder).config.num_hidden_layers == 2
    tensors(lambda t: {n: v for n, v in t.items() if "layer.1.output.dense" not in n})(encoder)
    with pytest.raises(CheckpointError, match=r"lack encoder\.layer\.1\.output\.dense"):
        open_encoder(encoder)
    with pytest.raises(CheckpointError, match=r"lack encoder\.layer\.1\.output\.dense"):
        BertScorer(str(encoder), device="cpu")


def test_an_encoder_uses_every_layer_that_it_has(encoder: Path) -> None:
    edited("config.json", num_hidden_layers=1)(encoder)
    with pytest.raises(CheckpointError, match=r"layer\.1\..* which the model does not know"):
        open_encoder(encoder)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (edited("adapter_config.json", peft_type=None), "names no peft_type"),
        (bytes_of("adapter_config.json", lambda raw: b"[1]"), "no JSON object"),
        (bytes_of("adapter_config.json", lambda raw: b'{"a":' * 100_000), "nested too deep"),
        (edited("adapter_config.json", r="eight"), "cannot be loaded"),
        (edited("adapter_config.json", r=3), "cannot be loaded"),
        (edited("adapter_config.json", peft_type="NOPE"), "cannot be loaded"),
        (edited("adapter_config.json", base_model_name_or_path=None), "does not name its base model"),
        (edited("adapter_config.json", target_modules=["q_proj"]), "which the model does not know"),
        (bytes_of("adapter_model.safetensors", lambda raw: raw[:99]), "no whole safetensors file"),
        (lambda f: (f / "adapter_model.safetensors").rename(f / "adapter_model.bin"), "pickles are not read"),
    ],
)
def test_a_torn_adapter_is_one_line(fault: Fault, message: str, folder: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    make_adapter(folder, adapter)
    load(TransformersSettings(model=str(adapter)))
    fault(adapter)
    (adapter / "decoy.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=message) as caught:
        load(TransformersSettings(model=str(adapter)))
    assert "\n" not in str(caught.value)


def test_an_adapter_without_one_of_its_tensors_is_refused(folder: Path, tmp_path: Path) -> None:
    make_adapter(folder, tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    for lost in ("layers.1.self_attn.q_proj.lora_B.weight", "embed_tokens.token_adapter.trainable_tokens_delta"):
        make_adapter(folder, tmp_path / "adapter")
        save_file({name: tensor for name, tensor in load_file(path).items() if lost not in name}, path)
        with pytest.raises(CheckpointError, match=lost.replace(".", r"\.")):
            load(TransformersSettings(model=str(folder), adapter=str(tmp_path / "adapter")))


def test_an_adapter_without_the_output_rows_of_its_tokens_is_refused(folder: Path, tmp_path: Path) -> None:
    """As it was once trained over untied models: nothing is known of how likely the new tokens are."""
    import peft

    adapter = tmp_path / "adapter"
    tokens, base = open_tokenizer(folder), open_language_model(folder)
    tokens.add_tokens(["<new>"], special_tokens=True)
    base.resize_token_embeddings(len(tokens))
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=2, trainable_token_indices=[len(tokens) - 1])
    adapted = peft.get_peft_model(base, config)
    adapted.peft_config["default"].base_model_name_or_path = str(folder)
    adapted.save_pretrained(adapter, save_embedding_layers=False)
    tokens.save_pretrained(adapter)
    with pytest.raises(CheckpointError, match="lacks the output rows"):
        load(TransformersSettings(model=str(adapter)))


def test_an_adapter_over_itself_is_refused(folder: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    make_adapter(folder, adapter)
    edited("adapter_config.json", base_model_name_or_path=str(adapter))(adapter)
    with pytest.raises(CheckpointError, match="lies over itself"):
        load(TransformersSettings(model=str(adapter)))


def make_adapter(base: Path, folder: Path) -> None:
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM", r=2, target_modules=["q_proj", "v_proj"], trainable_token_indices=[3, 4]
    )
    adapted = peft.get_peft_model(open_language_model(base), config)
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(folder)


def test_an_adapter_is_laid_over_4_bit_weights_and_keeps_its_rows(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="4-bit weights need bitsandbytes")
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokens = random_model.tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokens), hidden_size=128, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    tokens.save_pretrained(tmp_path / "base")
    make_adapter(tmp_path / "base", tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    save_file({name: tensor + 0.5 for name, tensor in load_file(path).items()}, path)
    ids = torch.tensor([[3, 4, 5]])
    whole, quantised = (
        load(TransformersSettings(model=str(tmp_path / "adapter"), dtype="float32", quantization=kind)).model
        for kind in ("none", "4bit")
    )
    with torch.no_grad():
        one, other = whole(ids).logits[0, -1], quantised(ids).logits[0, -1]
    assert torch.cosine_similarity(one, other, dim=0) > 0.98
    (tmp_path / "over").mkdir()
    make_adapter(tmp_path / "base", tmp_path / "over")
    edited("adapter_config.json", base_model_name_or_path=str(tmp_path / "adapter"))(tmp_path / "over")
    with pytest.raises(CheckpointError, match="an adapter over an adapter"):
        load(TransformersSettings(model=str(tmp_path / "over"), quantization="4bit"))
