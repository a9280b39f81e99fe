from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interplay_bench import Dialogue
from interplay_bench.datasets.load import load_dataset
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulators.card import ModelCard
from interplay_bench.training.training_recipe import TrainingRecipe

PLUGIN = Path(__file__).parent / "talk_plugin.py"
WORDS = (
    "hello there try with scenes no i have read times yes please good enjoy it likes books looking for something like"
)


def make_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        [WORDS, "<user><accept>"], trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    )
    inner.add_special_tokens(["<end>"])
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")


def make_model(vocabulary: int, tied: bool = True) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=tied,
        )
    )  # fmt: skip


@pytest.fixture
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def model(request: pytest.FixtureRequest, tokenizer: Any) -> Any:
    return make_model(len(tokenizer), request.param)


@pytest.fixture(scope="session")
def make_base(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a tiny base model to a folder; ``spare``: rows of its tables beyond the tokenizer's tokens."""

    def make(tied: bool = True, spare: int = 0) -> Path:
        folder = tmp_path_factory.mktemp("base")
        tokenizer = make_tokenizer()
        tokenizer.save_pretrained(folder)
        make_model(len(tokenizer) + spare, tied).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def base(make_base: Callable[..., Path]) -> Path:
    """A folder with a tiny base model."""
    return make_base()


@pytest.fixture
def talks() -> tuple[Dialogue, ...]:
    load_plugin(PLUGIN)
    return load_dataset("talks", "12", "train").dialogues


@pytest.fixture
def recipe(base: Path) -> Callable[..., TrainingRecipe]:
    """The recipe of a tiny training, with changes as texts."""
    load_plugin(PLUGIN)

    def make(**changes: str) -> TrainingRecipe:
        table = {
            "role": "user", "base": str(base), "dataset": "talks", "epochs": 2, "batch_size": 2, "accumulation": 2,
            "learning_rate": 1e-2, "precision": "fp32", "max_tokens": 256, "save_steps": 1,
        }  # fmt: skip
        return TrainingRecipe.of(ModelCard("tiny", "finetuned", "", train=table), changes)

    return make


@pytest.fixture
def card(base: Path, tmp_path: Path) -> Path:
    """The card of a tiny training."""
    path = tmp_path / "tiny.toml"
    path.write_text(
        f'summary = "tiny"\nadapter = "finetuned"\n[engine]\nkind = "naive"\ndtype = "float32"\n[train]\n'
        f'role = "user"\nbase = "{base}"\ndataset = "talks"\nepochs = 2\nbatch_size = 2\naccumulation = 2\n'
        'learning_rate = 1e-2\nprecision = "fp32"\nmax_tokens = 256\nsave_steps = 1\n'
    )
    return path
