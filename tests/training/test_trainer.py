from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from interplay_bench.training.checkpointing import learnt
from interplay_bench.training.examples import Examples, prepare, read_corpus
from interplay_bench.training.trainable_model import prepare_base
from interplay_bench.training.trainer import Schedule, Trainer
from interplay_bench.training.training_recipe import TrainingRecipe

Recipe = Callable[..., TrainingRecipe]


def trainer(recipe: TrainingRecipe, folder: Path) -> Trainer:
    corpus = read_corpus(recipe, {})
    trainable = prepare_base(recipe, corpus.domains, 0)
    return Trainer(trainable, prepare(corpus, recipe, trainable.tokenizer, 0), recipe, 0, folder)


def losses(made: Trainer) -> list[float]:
    return [record["loss"] for record in made.progress.losses]


def plain_loop(recipe: TrainingRecipe, batches: list[list[list[Any]]], examples: Examples) -> list[float]:
    """Padded rows, logits everywhere, masked labels, the same optimiser: what the trainer must agree with."""
    trainable = prepare_base(recipe, ("book",), 0)
    trainable.model.set_attn_implementation("eager")
    schedule = Schedule(recipe, len(examples.train), 1)
    optimizer = torch.optim.AdamW(trainable.model.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    found = []
    for step, passes in enumerate(batches):
        tokens = sum(example.supervised for batch in passes for example in batch)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule.factor(step)
        total = 0.0
        for batch in passes:
            width = max(len(e.ids) for e in batch)
            ids = torch.tensor([[*e.ids, *[0] * (width - len(e.ids))] for e in batch])
            there = torch.tensor([[1] * len(e.ids) + [0] * (width - len(e.ids)) for e in batch])
            labels = torch.full_like(ids, -100)
            for row, example in enumerate(batch):
                for place, used in enumerate(example.mask):
                    labels[row, place] = example.ids[place] if used else -100
            logits = trainable.model(input_ids=ids, attention_mask=there).logits[:, :-1]
            loss = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100, reduction="sum")
            (loss / tokens).backward()
            total += float(loss.detach()) / tokens
        torch.nn.utils.clip_grad_norm_(trainable.model.parameters(), recipe.clip)
        optimizer.step()
        optimizer.zero_grad()
        found.append(total)
    return found


def test_the_losses_of_many_steps_are_the_plain_loops(recipe: Recipe, tmp_path: Path) -> None:
    wanted = recipe(epochs="4", evaluations="1", patience="0", learning_rate="1e-3")
    made = trainer(wanted, tmp_path)
    plan = [
        [made._epoch(epoch)[start : start + 2] for start in range(0, len(made._epoch(epoch)), 2)] for epoch in range(4)
    ]
    steps = [passes for epoch in plan for passes in epoch]
    made.train()
    assert len(losses(made)) == len(steps) == made.schedule.steps
    torch.testing.assert_close(losses(made), plain_loop(wanted, steps, made.examples), rtol=0, atol=1e-4)
    assert losses(made)[-1] < losses(made)[0] - 0.1


def test_a_training_that_was_interrupted_ends_the_same(recipe: Recipe, tmp_path: Path) -> None:
    wanted = recipe(method="lora", rank="2")
    whole = trainer(wanted, tmp_path / "whole")
    whole.train()

    class Interrupted(Exception):  # noqa: N818
        pass

    def stop(progress: Any) -> None:
        if progress.step == 3:
            raise Interrupted

    broken = trainer(wanted, tmp_path / "broken")
    with pytest.raises(Interrupted):
        broken.train(report=stop)
    torch.rand(3)  # disturb the generator
    again = trainer(wanted, tmp_path / "broken")
    again.train(resume=True)
    assert losses(again) == losses(whole)
    for name, weight in learnt(whole._plain).items():
        assert torch.equal(learnt(again._plain)[name], weight), name


def test_a_training_that_was_ended_early_is_a_beginning_of_the_whole(recipe: Recipe, tmp_path: Path) -> None:
    settings = {"method": "lora", "rank": "2", "validation": "0.4", "evaluations": "1"}
    whole = trainer(recipe(**settings), tmp_path / "whole")
    whole.train()
    ended = trainer(recipe(**settings, max_steps="3"), tmp_path / "ended")
    state = ended.train()
    assert state.step == 3 < whole.schedule.steps
    assert losses(ended) == losses(whole)[:3]
    assert "validation" in state.losses[-1]
    on = trainer(recipe(**settings), tmp_path / "ended")
    on.train(resume=True)
    assert losses(on) == losses(whole)


def test_the_best_weights_are_kept_and_training_stops(recipe: Recipe, tmp_path: Path) -> None:
    made = trainer(recipe(epochs="30", learning_rate="0.3", validation="0.4", evaluations="1", patience="2"), tmp_path)
    state = made.train()
    held = [record["validation"] for record in state.losses if "validation" in record]
    assert state.step < made.schedule.steps
    assert state.best == min(held)
    assert made.evaluate(made.examples.validation) == pytest.approx(min(held), abs=1e-6)


def test_bfloat16_learns(recipe: Recipe, tmp_path: Path) -> None:
    made = trainer(recipe(precision="bf16", epochs="6", method="lora", rank="4"), tmp_path)
    made.train()
    assert all(p.dtype is torch.float32 for p in made._plain.parameters() if p.requires_grad)
    assert losses(made)[-1] < losses(made)[0] - 0.3


def test_gradient_checkpointing_changes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    plain = trainer(recipe(epochs="1"), tmp_path / "plain")
    spared = trainer(recipe(epochs="1", gradient_checkpointing="true"), tmp_path / "spared")
    plain.train()
    spared.train()
    torch.testing.assert_close(losses(spared), losses(plain), rtol=0, atol=1e-6)


def test_schedules(recipe: Recipe) -> None:
    linear = Schedule(recipe(warmup="0.2", epochs="5"), 8, 1)
    assert (linear.per_epoch, linear.steps) == (2, 10)
    assert [round(linear.factor(step), 3) for step in range(10)][:4] == [0.333, 0.667, 1.0, 0.875]
    assert linear.factor(9) > 0
    assert Schedule(recipe(schedule="cosine", warmup="0"), 8, 1).factor(2) == pytest.approx(0.5)
    assert Schedule(recipe(), 9, 2).per_epoch == 2
    assert [step for step in range(4) if Schedule(recipe(evaluations="1"), 8, 1).evaluates(step)] == [1, 3]
