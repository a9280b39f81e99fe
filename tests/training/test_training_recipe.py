from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.dialogues.dialogue import Role
from interplay_bench.environment.errors import CardError, UsageError
from interplay_bench.simulators.card import ModelCard, find
from interplay_bench.training.examples import is_held_out, places
from interplay_bench.training.training_recipe import TrainingRecipe

PAPER = ["usersim-qwen8b", "usersim-llama8b", "recsim-qwen8b", "recsim-llama8b"]
OURS = ["usersim-smollm2", "recsim-smollm2"]


@pytest.mark.parametrize("key", ["learning_rate", "token_rate", "weight_decay", "decision_weight", "alpha"])
def test_numbers_are_finite(key: str, recipe: Callable[..., TrainingRecipe]) -> None:
    with pytest.raises(UsageError, match=key):
        recipe(**{key: "inf"})


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_cards_carry_the_papers_recipe(name: str) -> None:
    card = find(name)
    assert card is not None
    recipe = TrainingRecipe.of(card)
    assert (recipe.epochs, recipe.batch_size, recipe.accumulation, recipe.processes) == (2, 4, 4, 4)
    assert recipe.learning_rate == 2e-4
    assert recipe.method == "full"
    assert recipe.role is (Role.USER if name.startswith("usersim") else Role.RECOMMENDER)
    assert (recipe.decision_weight, recipe.decisions) == (1.0, "labels")


@pytest.mark.parametrize("name", OURS)
def test_our_cards_are_recipes(name: str) -> None:
    card = find(name)
    assert card is not None
    assert TrainingRecipe.of(card).dataset == ("sample", "redial")


def test_settings_are_texts(recipe: Callable[..., TrainingRecipe]) -> None:
    changed = recipe(epochs="3", learning_rate="2e-5", gradient_checkpointing="true", dataset="talks, toy")
    assert (changed.epochs, changed.learning_rate, changed.gradient_checkpointing) == (3, 2e-5, True)
    assert changed.dataset == ("talks", "toy")
    assert [recipe(limit="9").limit_of(place) for place in range(2)] == [9, 9]
    assert [recipe(limit="9,4").limit_of(place) for place in range(2)] == [9, 4]
    assert recipe().limit_of(0) is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epoch", "3", "Did you mean 'epochs'"),
        ("epochs", "0", "--set epochs"),
        ("epochs", "many", "--set epochs"),
        ("method", "qlora", "'full' or 'lora'"),
        ("role", "judge", "--set role"),
        ("validation", "1", "--set validation"),
    ],
)
def test_a_wrong_setting_is_one_line(recipe: Callable[..., TrainingRecipe], key: str, value: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recipe(**{key: value})


def test_a_wrong_card_is_one_line() -> None:
    table = {"role": "user", "base": "x", "dataset": "talks"}
    with pytest.raises(CardError, match="Did you mean 'epochs'"):
        TrainingRecipe.of(ModelCard("mine", "finetuned", "", train={**table, "epoch": 1}))
    with pytest.raises(CardError, match="base"):
        TrainingRecipe.of(ModelCard("mine", "finetuned", "", train={"role": "user", "dataset": "talks"}))
    with pytest.raises(CardError, match=r"no \[train\] table"):
        TrainingRecipe.of(ModelCard("mine", "zero-shot", ""))


def test_places_of_data(recipe: Callable[..., TrainingRecipe]) -> None:
    assert places(["a=b/c"], recipe()) == {"talks": "a=b/c"}
    assert places(["talks=x"], recipe()) == {"talks": "x"}
    assert places(["toy=x"], recipe(dataset="talks,toy")) == {"toy": "x"}
    with pytest.raises(UsageError, match="NAME=PATH"):
        places([str(Path("x"))], recipe(dataset="talks,toy"))


def test_holding_out_does_not_depend_on_what_else_is_there() -> None:
    held = [is_held_out("talks", str(n), 0.1, 0) for n in range(2000)]
    assert 150 < sum(held) < 250
    assert held != [is_held_out("talks", str(n), 0.1, 1) for n in range(2000)]
    assert not any(is_held_out("talks", str(n), 0.0, 0) for n in range(100))
