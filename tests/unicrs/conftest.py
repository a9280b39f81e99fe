"""A tiny world: a language model and an encoder of random weights, a graph of ten films, and dialogues about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interplay_bench import Dialogue
from interplay_bench.datasets.load import load_dataset
from interplay_bench.simulators.card import ModelCard
from interplay_bench.unicrs.graph import KnowledgeGraph, read_graph
from interplay_bench.unicrs.network import Network
from interplay_bench.unicrs.unicrs_recipe import UniCRSRecipe

FILMS = [f"{name} ({1990 + n})" for n, name in enumerate(("Alpha", "Bravo", "Delta", "Gamma", "Kappa", "Omega"))]
OTHERS = ["comedy", "drama", "Ann Lee", "Bob Roe"]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``lm`` and ``encoder``."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models")
    alphabet = ["<pad>", "<end>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    inner = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(alphabet)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")
    torch.manual_seed(3)
    language = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(alphabet), hidden_size=32, intermediate_size=48, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.2,
        )
    )  # fmt: skip
    encoder = BertModel(
        BertConfig(
            vocab_size=len(alphabet), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24
        )
    )
    for name, model in (("lm", language), ("encoder", encoder)):
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with ReDial dialogues and the graph beside them."""
    folder = tmp_path / "world"
    folder.mkdir()
    names = [*FILMS, *OTHERS]
    edges = {str(n): [[0, 6 + n % 2], [1, 8 + n // 3]] for n in range(6)}
    contents = {
        "entity2id": {name: number for number, name in enumerate(names)},
        "relation2id": {"genre": 0, "star": 1},
        "item_ids": [*range(6)],
        "kg": edges,
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    for split, count in (("train", 12), ("test", 3)):
        rows = [json.dumps(_talk(number)) for number in range(count)]
        (folder / f"{split}_data.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def _talk(number: int) -> dict[str, Any]:
    first, second, third = number % 6, (number + 2) % 6, (number + 3) % 6
    said = [
        (1, "hello i like Ann Lee"), (2, f"have you seen @{first}"), (1, f"yes and @{second}"),
        (2, f"you could watch @{third} then"), (1, "thanks"),
    ]  # fmt: skip
    mentions = {str(film): FILMS[film] for film in (first, second, third)}
    answers = {film: {"suggested": 1, "seen": 0, "liked": 1} for film in mentions}
    return {
        "conversationId": str(number), "initiatorWorkerId": 1, "respondentWorkerId": 2, "movieMentions": mentions,
        "initiatorQuestions": answers, "respondentQuestions": answers,
        "messages": [{"senderWorkerId": who, "text": text} for who, text in said],
    }  # fmt: skip


@pytest.fixture
def graph(world: Path) -> KnowledgeGraph:
    return read_graph(world)


@pytest.fixture
def dialogues(world: Path) -> tuple[Dialogue, ...]:
    return load_dataset("redial", str(world), "train").dialogues


def table(models: Path) -> dict[str, Any]:
    """The ``[train]`` table of a tiny card."""
    return {
        "base": str(models / "lm"), "encoder": str(models / "encoder"), "dataset": ["redial"], "epochs": [1, 1, 1],
        "learning_rate": [1e-2, 1e-2, 1e-2], "batch_size": 4, "context_tokens": 48, "encoder_tokens": 48,
        "response_tokens": 24, "width": 8, "bases": 2, "prefix": 2, "dtype": "float32", "validation": 0.2,
    }  # fmt: skip


@pytest.fixture
def network(models: Path, graph: KnowledgeGraph) -> Callable[..., Network]:
    """A network of the tiny card, with changes as texts."""

    def make(**changes: str) -> Network:
        return Network(UniCRSRecipe.of(ModelCard("tiny", "unicrs", "", train=table(models)), changes), graph)

    return make


@pytest.fixture
def card(models: Path, tmp_path: Path) -> Path:
    """The tiny card as a file."""
    path = tmp_path / "tiny.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in table(models).items()]
    head = ['summary = "tiny"', 'adapter = "unicrs"', "[engine]", 'dtype = "float32"', "[settings]"]
    path.write_text("\n".join([*head, "always_recommend = true", "[train]", *lines]) + "\n")
    return path
