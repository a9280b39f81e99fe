"""vLLM in this process against the local engine: the same decisions and texts. Skipped where vLLM is not installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Role, View
from interplay_bench.engines.language_model import Choice, Generation, LanguageModel, Sampling
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from interplay_bench.simulators.model_spec import find

pytest.importorskip("vllm", reason="vLLM is not installed: pip install 'interplay-bench[vllm]'")
pytestmark = pytest.mark.slow

CARDS = ["usersim-smollm2", "smollm2"]
OPTIONS = {"enforce_eager": True, "max_num_seqs": 16}
"""Small enough for a machine without a GPU."""


@pytest.fixture(scope="module", params=CARDS)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[LanguageModelSimulator, LanguageModelSimulator]]:
    """The simulator of one card by the local engine and by vLLM, both in float32."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    common: dict[str, Any] = {"dtype": "float32", "max_context": 2048}
    built = [find(request.param, common | kind).build().adapter for kind in ({}, {"kind": "vllm", "options": OPTIONS})]
    local, served = built
    assert isinstance(local, LanguageModelSimulator)
    assert isinstance(served, LanguageModelSimulator)
    yield local, served
    served.close()


@pytest.fixture(scope="module")
def views() -> list[View]:
    dialogues = load_dataset("sample").dialogues[:40]
    # One user turn after a recommendation is one decision.
    return [
        View.of(Role.USER, dialogue.persona, dialogue.turns[:at])
        for dialogue in dialogues
        for at, turn in enumerate(dialogue.turns)
        if turn.role is Role.USER and at and dialogue.turns[at - 1].items
    ]


def test_the_same_decisions(pair: tuple[LanguageModelSimulator, LanguageModelSimulator], views: list[View]) -> None:
    local, served = ([d.probability for d in each.decide(views)] for each in pair)
    close = [(one, other) for one, other in zip(local, served, strict=True) if one != pytest.approx(other, abs=1e-3)]
    assert not close


def test_the_same_texts(pair: tuple[LanguageModelSimulator, LanguageModelSimulator], views: list[View]) -> None:
    local, served = ([reply.raw for reply in each.respond(views[:40])] for each in pair)
    same = sum(one == other for one, other in zip(local, served, strict=True))
    assert same >= 0.95 * len(local)  # ties of float32 may part


def test_a_seeded_text_is_the_same_whatever_its_batch(
    pair: tuple[LanguageModelSimulator, LanguageModelSimulator], views: list[View]
) -> None:
    _, simulator = pair
    model: LanguageModel = simulator.model
    warm = replace(simulator.sampling, temperature=0.8, seed=3, max_tokens=16)
    prompts = simulator.prompts(views[:6])
    together, alone = model.generate(prompts, warm), [model.generate([prompt], warm)[0] for prompt in prompts]
    assert together == alone
    assert model.generate(prompts, replace(warm, seed=4)) != together


def test_choices_of_several_tokens_are_scored_exactly(
    pair: tuple[LanguageModelSimulator, LanguageModelSimulator], views: list[View]
) -> None:
    choices = ["yes, I take it", "yes, gladly", "no"]
    answers = [each.model.choose(each.prompts(views[:5]), choices) for each in pair]
    for one, other in zip(*answers, strict=True):
        assert isinstance(one, Choice)
        assert isinstance(other, Choice)
        assert one.logprobs == pytest.approx(other.logprobs, abs=2e-3)


def test_a_text_ends_at_a_stop_string(
    pair: tuple[LanguageModelSimulator, LanguageModelSimulator], views: list[View]
) -> None:
    texts = [each.model.generate(each.prompts(views[:3]), Sampling(24, stop=("e",))) for each in pair]
    assert texts[0] == texts[1]
    assert all(isinstance(text, Generation) and "e" not in text.text for text in texts[1])
