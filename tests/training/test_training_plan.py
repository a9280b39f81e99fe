from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from interplay_bench.environment.errors import CheckpointError, DataError, UsageError
from interplay_bench.simulators.card import find
from interplay_bench.training import training_plan as planning
from interplay_bench.training.examples import is_held_out, read_corpus
from interplay_bench.training.trainable_model import prepare_base
from interplay_bench.training.training_plan import GIB, plan
from interplay_bench.training.training_recipe import TrainingRecipe


def absent(*_: object) -> None:
    raise DataError("PEARL is not here: get it.")


SIZES = {"qwen8b": 8_190_735_360, "llama8b": 8_030_261_248}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["usersim", "recsim"])
def test_the_papers_cards(kind: str, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "read_corpus", absent)
    card = find(f"{kind}-{size}")
    assert card is not None
    made = plan(card.name, TrainingRecipe.of(card), {}, mfu=0.4, peak=312e12)
    assert made.parameters == made.learning == SIZES[size]
    # Adam in float32 on four devices: 16 bytes a parameter, a quarter of them on each.
    memory = made.memory
    assert memory.weights + memory.gradients + memory.optimizer == pytest.approx(4 * SIZES[size], rel=1e-6)
    assert 32 * GIB < memory.gpu < 80 * GIB  # of an A100
    text = made.render()
    assert "PEARL is not here" in text
    assert "hours" in text


def test_the_data_is_counted_where_it_is_there(recipe: Callable[..., TrainingRecipe]) -> None:
    made = plan("tiny", recipe(method="lora", rank="2", processes="2"), {}, mfu=0.5, peak=1e12)
    assert made.workload.dialogues == 12
    assert made.steps == 2 * 2
    assert 0 < made.workload.supervised < made.workload.tokens
    # Two layers: q and o 32+32, k and v 32+16, gate, up and down 32+48, each at rank 2.
    assert made.learning == 2 * 2 * (2 * 64 + 2 * 48 + 3 * 80)
    assert made.hours == pytest.approx(6 * made.parameters * made.workload.tokens * 2 / (2 * 0.5e12) / 3600)


def test_what_is_held_out_is_not_learnt_from(recipe: Callable[..., TrainingRecipe]) -> None:
    planned = plan("tiny", recipe(validation="0.3"), {}, mfu=0.5, peak=1e12, seed=1).workload
    whole = plan("tiny", recipe(validation="0"), {}, mfu=0.5, peak=1e12, seed=1).workload
    corpus = read_corpus(recipe(), {})
    held = sum(is_held_out(name, dialogue.id, 0.3, 1) for name, dialogue in corpus.dialogues)
    assert held
    assert planned.dialogues == whole.dialogues - held
    assert planned.tokens < whole.tokens


def test_more_is_needed_without_checkpointing_and_for_larger_batches(recipe: Callable[..., TrainingRecipe]) -> None:
    def needed(**changes: str) -> int:
        return plan("tiny", recipe(**changes), {}, mfu=0.5, peak=1e12).memory.activations

    assert needed(gradient_checkpointing="true") < needed()
    assert needed(processes="2") == needed(gradient_checkpointing="true")  # configs/fsdp.yaml computes them anew
    assert needed(batch_size="1") < needed(batch_size="4")


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({}, 3.42),
        ({"method": "full"}, 6.49),
        ({"batch_size": "2", "gradient_checkpointing": "true"}, 2.10),
    ],
)
def test_a_process_holds_about_as_much_as_was_seen(changes: dict[str, str], measured: float) -> None:
    """GiB at the peak of four steps with the first 40 dialogues of the sample, on a processor."""
    card = find("usersim-smollm2")
    assert card is not None
    settings = {"dataset": "sample", "limit": "40", "precision": "bf16", **changes}
    made = plan(card.name, TrainingRecipe.of(card, settings), {}, mfu=0.4, peak=1e12)
    assert made.memory.cpu / GIB == pytest.approx(measured, rel=0.3)


def test_a_share_outside_its_range(recipe: Callable[..., TrainingRecipe]) -> None:
    with pytest.raises(UsageError, match="--mfu"):
        plan("tiny", recipe(), {}, mfu=1.5, peak=1e12)


@pytest.mark.parametrize(
    ("quantization", "published", "most"),
    [("none", 16.2, 24), ("4bit", 7.4, 12)],
)
def test_low_rank_updates_of_8b_fit_a_24_gb_gpu_and_published_runs(
    quantization: str, published: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Llama 3.1 8B, rank 8, two rows of 2,048 tokens: torchtune's README gives the peak memory on a 4090."""
    monkeypatch.setattr(planning, "read_corpus", absent)
    card = find("usersim-llama8b")
    assert card is not None
    changes = {"method": "lora", "quantization": quantization, "processes": "1", "batch_size": "2",
               "gradient_checkpointing": "true"}  # fmt: skip
    made = plan(card.name, TrainingRecipe.of(card, changes), {}, mfu=0.4, peak=165e12)
    assert made.workload.longest == 2 * 2048
    assert published * GIB < made.memory.gpu < most * GIB


@pytest.mark.parametrize("kind", ["lora", "qlora"])
def test_the_cards_for_one_gpu_fit_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "read_corpus", absent)
    card = find(f"usersim-qwen8b-{kind}")
    assert card is not None
    assert plan(card.name, TrainingRecipe.of(card), {}, mfu=0.4, peak=165e12).memory.gpu < 23 * GIB


def test_a_config_of_a_million_layers_is_refused_at_once(recipe: Callable[..., TrainingRecipe], tmp_path: Path) -> None:
    known = json.loads((Path(recipe().base) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**known, "num_hidden_layers": 10**6}))
    with pytest.raises(CheckpointError, match="num_hidden_layers is 1,000,000"):
        plan("tiny", recipe(base=str(tmp_path)), {}, mfu=0.5, peak=1e12)


def test_quantised_weights_that_would_not_learn_are_refused(recipe: Callable[..., TrainingRecipe]) -> None:
    with pytest.raises(UsageError, match="--set method=lora"):
        prepare_base(recipe(quantization="4bit"), ("book",), 0)
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="on a GPU only"):
            prepare_base(recipe(quantization="4bit", method="lora"), ("book",), 0)
