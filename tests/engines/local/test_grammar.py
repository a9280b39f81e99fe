"""A guided model that has the markup's tokens cannot break the markup, and is not touched where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given

from interplay_bench.dialogues.dialogue import Role, Turn
from interplay_bench.dialogues.markup import END, Malformed, parse, render, special_tokens, without_broken_end
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.engines.language_model import Generation, Sampling
from interplay_bench.engines.local.grammar import Grammar
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.engines.reference import NaiveModel
from interplay_bench.engines.weights import TransformersSettings, Weights
from tests import random_model
from tests.dialogues.test_markup import turns

BEGUN = "<action><chat></action><response>"
PROMPTS = [
    Prompt((Message("system", (Part(Channel.PERSONA, f"Likes rain {n}.\n"),)),), chat=False, prefix=f"<user>{BEGUN}")
    for n in range(40)
]


TOKENIZER = random_model.tokenizer(special_tokens())


@pytest.fixture(scope="module")
def weights() -> Weights:
    """A model that knows nothing and writes structural tokens as gladly as any other."""
    return random_model.weights(TOKENIZER)


def written(model: TransformersModel | NaiveModel) -> list[str]:
    guided = Sampling(max_tokens=60, temperature=1.0, stop=(END,), guided=True)
    texts = model.generate(PROMPTS, guided)
    return [text.text for text in texts if isinstance(text, Generation)]


def test_random_replies_are_turns(weights: Weights) -> None:
    texts = written(TransformersModel(TransformersSettings("tiny", dtype="float32", device="cpu"), weights))
    assert len(texts) == len(PROMPTS)
    assert any("<movie_title>" in text for text in texts)
    for text in texts:
        assert isinstance(parse(without_broken_end(BEGUN + text), Role.USER), Turn), text


def test_both_engines_write_the_same(weights: Weights) -> None:
    settings = TransformersSettings("tiny", dtype="float32", device="cpu")
    assert written(TransformersModel(settings, weights)) == written(NaiveModel(settings, weights))


@given(turns())
def test_nothing_well_formed_is_barred(turn: Turn) -> None:
    grammar = Grammar(TOKENIZER, TOKENIZER.convert_tokens_to_ids(["<eos>", END]))
    prompt = TOKENIZER(
        "Likes rain.<user><action><accept></action><response>Yes.</response><recommender><action>"
    ).input_ids
    place = grammar.start(prompt)
    for token in TOKENIZER(render(turn).removeprefix("<action>")).input_ids:
        assert token not in grammar.disallowed(place)
        place = grammar.after(place, token)


def test_a_tokenizer_without_the_markup_is_left_alone() -> None:
    plain = random_model.tokenizer(("<user>",))
    grammar = Grammar(plain, {0})
    place = grammar.start(plain(BEGUN).input_ids)
    for token in plain(BEGUN + "</movie_title><user>").input_ids:
        place = grammar.after(place, token)
        assert not grammar.disallowed(place)


def test_an_unguided_text_is_left_alone(weights: Weights) -> None:
    model = NaiveModel(TransformersSettings("tiny", dtype="float32", device="cpu"), weights)
    texts = model.generate(PROMPTS, Sampling(max_tokens=60, temperature=1.0, stop=(END,)))
    turns = [parse(without_broken_end(BEGUN + t.text), Role.USER) for t in texts if isinstance(t, Generation)]
    assert any(isinstance(turn, Malformed) for turn in turns)
