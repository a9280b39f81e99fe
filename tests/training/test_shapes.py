"""Whatever training changes comes back equal: in this engine, and in plain transformers and peft."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from interplay_bench.engines.weights import TransformersSettings, load
from interplay_bench.environment.errors import UsageError
from interplay_bench.training.training_recipe import TrainingRecipe
from interplay_bench.training.training_run import Session, train
from tests.training.held_out import claimed, held_out_loss

Recipe = Callable[..., TrainingRecipe]
TEXT = "Likes books.\n<user><action><feedback></action><response>No.</response>\n<user><action>"
METHODS = {"full": {"method": "full"}, "lora": {"method": "lora", "rank": "2"}}


@pytest.fixture(params=["tied", "untied", "tied, spare rows", "untied, spare rows"])
def shape(request: pytest.FixtureRequest, make_base: Callable[..., Path]) -> Path:
    """A base model; spare: its tables have more rows than its tokenizer has tokens, as Qwen3's have."""
    return make_base(tied=not request.param.startswith("untied"), spare=64 if "spare" in request.param else 0)


@pytest.mark.parametrize("method", METHODS)
def test_a_training_comes_back_equal(method: str, shape: Path, recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    train(Session("tiny", recipe(base=str(shape), validation="0.4", **METHODS[method]), {}), folder)
    ours = engine(folder)
    assert torch.equal(ours, engine(folder))
    assert_alike(ours, plain(folder))
    # Taken again from what was written, the held-out loss is the best one of the training, to bfloat16.
    again = held_out_loss(folder, recipe(validation="0.4", **METHODS[method]))
    assert again == pytest.approx(claimed(folder), abs=5e-3)
    learnt = float((ours - engine_before(shape, folder)).abs().max())
    assert learnt > 0.05
    # Merged and saved, it is an ordinary model, which ends its texts at the turn's end.
    weights = load(TransformersSettings(model=str(folder), dtype="float32"))
    weights.model.save_pretrained(tmp_path / "merged")
    weights.tokenizer.save_pretrained(tmp_path / "merged")
    assert_alike(ours, plain(tmp_path / "merged"))
    assert_alike(ours, engine(tmp_path / "merged"))
    assert_ends_at_the_turn(tmp_path / "merged")
    assert_ends_at_the_turn(folder)


def test_a_low_rank_training_over_another_one_is_stacked(
    make_base: Callable[..., Path], recipe: Recipe, tmp_path: Path
) -> None:
    base = make_base(tied=False)
    first, second = tmp_path / "first", tmp_path / "second"
    train(Session("tiny", recipe(base=str(base), **METHODS["lora"]), {}), first)
    train(Session("tiny", recipe(base=str(first), **METHODS["lora"]), {}), second)
    ours = engine(second)
    assert torch.equal(ours, engine(second))
    assert float((ours - engine(first)).abs().max()) > 0.05
    assert_alike(ours, plain(second))
    third = tmp_path / "third"
    train(Session("tiny", recipe(base=str(second), **METHODS["full"]), {}), third)
    assert_alike(engine(third), plain(third))


def test_a_base_named_from_the_working_directory_is_found_from_another(
    base: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base.parent)
    train(Session("tiny", recipe(base=f"./{base.name}", max_steps="1", **METHODS["lora"]), {}), tmp_path / "out")
    here = engine(tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert torch.equal(engine(tmp_path / "out"), here)


def test_a_bias_that_would_be_lost_is_refused(recipe: Recipe, tmp_path: Path, tokenizer: Any) -> None:
    from transformers import PhiConfig, PhiForCausalLM

    config = PhiConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                       num_attention_heads=2)  # fmt: skip
    PhiForCausalLM(config).save_pretrained(tmp_path / "phi")
    tokenizer.save_pretrained(tmp_path / "phi")
    with pytest.raises(UsageError, match="has a bias"):
        train(Session("tiny", recipe(base=str(tmp_path / "phi"), method="lora"), {}), tmp_path / "out")


def engine(folder: Path) -> torch.Tensor:
    """Log-probabilities after ``TEXT`` of the weights that the engine loads."""
    weights = load(TransformersSettings(model=str(folder), dtype="float32"))
    return scores(weights.model, weights.tokenizer)


def engine_before(base: Path, folder: Path) -> torch.Tensor:
    """The same before training: the base model, its new rows as they were begun."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from interplay_bench.training.tokens import add_tokens

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    add_tokens(model, tokenizer, ("book",))
    return scores(model.eval(), tokenizer)


def plain(folder: Path) -> torch.Tensor:
    """The same by transformers and peft alone, as a checkpoint's README shows it."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)

    def over(place: Path) -> Any:
        described = place / "adapter_config.json"
        if not described.is_file():
            return AutoModelForCausalLM.from_pretrained(place)
        model = over(Path(json.loads(described.read_text())["base_model_name_or_path"]))
        if len(tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(tokenizer))
        return PeftModel.from_pretrained(model, place).merge_and_unload()

    return scores(over(folder).eval().float(), tokenizer)


def scores(model: Any, tokenizer: Any) -> torch.Tensor:
    with torch.no_grad():
        ids = tokenizer(TEXT, return_tensors="pt", add_special_tokens=False)["input_ids"]
        logits: torch.Tensor = model(ids).logits[0, -1, : len(tokenizer)]
    return logits.log_softmax(-1)


def assert_alike(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def assert_ends_at_the_turn(folder: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    end = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("</response>")
    ends = GenerationConfig.from_pretrained(folder).eos_token_id
    assert end in ends
    assert AutoTokenizer.from_pretrained(folder).eos_token_id in ends


@pytest.mark.slow
def test_a_training_teaches_where_a_turn_ends(make_base: Callable[..., Path], recipe: Recipe, tmp_path: Path) -> None:
    base = make_base(tied=False)
    settings = {"method": "lora", "rank": "8", "epochs": "40", "patience": "0", "learning_rate": "1e-2"}
    train(Session("tiny", recipe(base=str(base), **settings), {}), tmp_path / "out")
    weights = load(TransformersSettings(model=str(tmp_path / "out"), dtype="float32"))
    end = weights.tokenizer.convert_tokens_to_ids("</response>")
    said = "Likes books.\n<user><action><greeting></action><response>Hello there"
    for text, ends in ((said, False), (said + ".", True)):
        tokens = weights.tokenizer(text, return_tensors="pt", add_special_tokens=False)
        with torch.no_grad():
            found = float(weights.model(**tokens).logits[0, -1].softmax(-1)[end])
        assert (found > 0.5) == ends, (text, found)


@pytest.mark.slow
def test_a_merged_simulator_stops_at_the_turns_end_in_plain_transformers(
    make_base: Callable[..., Path], recipe: Recipe, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    train(Session("tiny", recipe(base=str(make_base(tied=False)), **METHODS["lora"]), {}), tmp_path / "out")
    weights = load(TransformersSettings(model=str(tmp_path / "out"), dtype="float32"))
    weights.model.save_pretrained(tmp_path / "merged")
    weights.tokenizer.save_pretrained(tmp_path / "merged")
    model, tokenizer = (kind.from_pretrained(tmp_path / "merged") for kind in (AutoModelForCausalLM, AutoTokenizer))
    prompt = tokenizer("Likes books.\n<user><action>", return_tensors="pt", add_special_tokens=False)

    def end_at_the_fifth(written: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        end = tokenizer.convert_tokens_to_ids("</response>")
        fifth = written.shape[1] == prompt["input_ids"].shape[1] + 4
        scores[:, end] = torch.inf if fifth else -torch.inf
        return scores

    (tokens,) = model.generate(**prompt, max_new_tokens=100, logits_processor=[end_at_the_fifth])
    written = tokenizer.decode(tokens[prompt["input_ids"].shape[1] :])
    assert written.endswith("</response>")
    assert len(tokens) == prompt["input_ids"].shape[1] + 5
