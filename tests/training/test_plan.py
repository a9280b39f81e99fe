from __future__ import annotations

from collections.abc import Callable

import pytest

from interplay_bench.card import find
from interplay_bench.errors import DataError, UsageError
from interplay_bench.training import plan as planning
from interplay_bench.training.material import is_held_out, read_corpus
from interplay_bench.training.plan import GIB, plan
from interplay_bench.training.recipe import TrainingRecipe

SIZES = {"qwen8b": 8_190_735_360, "llama8b": 8_030_261_248}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["usersim", "recsim"])
def test_the_papers_cards(kind: str, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> None:
        raise DataError("PEARL is not here: get it.")

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
