"""A text that is bound to a catalogue names titles of the catalogue alone, in every engine alike."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import END, special_tokens, title_mentions
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.engines.language_model import Generation, Sampling
from interplay_bench.engines.local.title_trie import TitleTrie, TitleWalk
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.engines.reference import NaiveModel
from interplay_bench.engines.weights import TransformersSettings, Weights
from interplay_bench.environment.errors import IncompatibleModelError, UsageError
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.written_titles import written_titles
from tests import random_model

TOKENIZER = random_model.tokenizer(special_tokens())
OPEN, CLOSE = TOKENIZER.convert_tokens_to_ids(["<movie_title>", "</movie_title>"])
ITEMS = (
    Item("h", "Heat", 1995),
    Item("hw", "Heat Wave", 2011),
    Item("s", "Seven (a.k.a. Se7en)", 1995),
    Item("a", "Amélie", 2001),
)
WRITTEN = written_titles(TitleIndex(ITEMS))
BOUND = Sampling(max_tokens=60, temperature=1.0, stop=(END,), guided="catalogue")
SETTINGS = TransformersSettings("tiny", dtype="float32", device="cpu")
BEGUN = "<action><recommend></action><response>"


def prompt(number: int, named: frozenset[str]) -> Prompt:
    person = Message("system", (Part(Channel.PERSONA, f"Likes rain {number}.\n"),))
    return Prompt((person,), chat=False, prefix=f"<recommender>{BEGUN}", named=named)


PROMPTS = [prompt(n, named) for n in range(6) for named in (frozenset[str](), frozenset({"h"}))]


@pytest.fixture(scope="module")
def weights() -> Weights:
    """A model that knows nothing and opens titles rather than write other tokens."""
    made = random_model.weights(TOKENIZER)
    head = made.model.get_output_embeddings().weight
    head.data[OPEN] *= 3
    return made


def bound(model: TransformersModel | NaiveModel) -> TransformersModel | NaiveModel:
    model.bind(WRITTEN)
    return model


def written(model: TransformersModel | NaiveModel, prompts: list[Prompt]) -> list[Generation]:
    return [text for text in model.generate(prompts, BOUND) if isinstance(text, Generation)]


def read(text: Generation) -> list[str | None]:
    """The items that a reader of the text finds in the catalogue."""
    found = TitleIndex(ITEMS)
    items = [found.find(mention.item.title, mention.item.year) for mention in title_mentions(text.text)[1]]
    return [None if item is None else item.id for item in items]


def test_every_spelling_names_its_item() -> None:
    assert WRITTEN["Heat (1995)"] == WRITTEN["Heat"] == "h"
    assert WRITTEN["Se7en (1995)"] == WRITTEN["Seven"] == WRITTEN["Seven (a.k.a. Se7en) (1995)"] == "s"
    doubled = TitleIndex([*ITEMS, Item("t", "</movie_title>", 2000), Item("old", "Heat", 1986)])
    assert not any("</movie_title>" in text for text in written_titles(doubled))
    assert written_titles(doubled)["Heat (1986)"] == "old"


def test_random_texts_name_the_catalogue_alone(weights: Weights) -> None:
    texts = written(bound(TransformersModel(SETTINGS, weights)), PROMPTS)
    named = [read(text) for text in texts]
    assert sum(map(len, named)) > 5
    assert None not in {item for items in named for item in items}
    for text, items, asked in zip(texts, named, PROMPTS, strict=True):
        assert not asked.named.intersection(filter(None, items))
        assert len(set(items)) == len(items), "a text names nothing twice"
        assert text.left_catalogue is not None
        assert len(text.left_catalogue) == len(items)
        assert all(0 < left <= 1 for left in text.left_catalogue)
        assert "<" not in title_mentions(text.text)[0].replace("<movie_title>", "").replace("</", "")


@pytest.mark.slow
def test_both_engines_write_the_same(weights: Weights) -> None:
    ours, plain = (written(bound(made(SETTINGS, weights)), PROMPTS) for made in (TransformersModel, NaiveModel))
    assert [text.text for text in ours] == [text.text for text in plain]
    for one, other in zip(ours, plain, strict=True):
        assert one.left_catalogue == pytest.approx(other.left_catalogue, abs=1e-5)


def test_a_text_is_bound_only_where_it_is_asked_for(weights: Weights) -> None:
    model, free = TransformersModel(SETTINGS, weights), replace(BOUND, guided=True)
    before = model.generate(PROMPTS, free)
    assert bound(model).generate(PROMPTS, free) == before
    with pytest.raises(UsageError, match="bound to none"):
        TransformersModel(SETTINGS, weights).generate(PROMPTS, BOUND)
    with pytest.raises(UsageError, match="bound to none"):
        NaiveModel(SETTINGS, weights).generate(PROMPTS, BOUND)


def test_a_model_without_the_markup_cannot_be_bound() -> None:
    plain = random_model.tokenizer(("<user>",))
    for made in (TransformersModel, NaiveModel):
        with pytest.raises(IncompatibleModelError, match="spells titles in ordinary tokens"):
            bound(made(SETTINGS, random_model.weights(plain)))


def test_without_a_title_left_none_is_opened(weights: Weights) -> None:
    everything = [prompt(n, frozenset(item.id for item in ITEMS)) for n in range(4)]
    for made in (TransformersModel, NaiveModel):
        assert not any("<movie_title>" in text.text for text in written(bound(made(SETTINGS, weights)), everything))


def test_a_walk_allows_the_titles_that_are_left() -> None:
    """Without an engine: titles of letters, walked at random, against the list that they are of."""
    titles = {"ab": "1", "abc": "2", "abd": "2", "b": "3", "bc": "1"}
    trie = TitleTrie([([*map(ord, text)], item) for text, item in titles.items()], {1: 2}, {60})
    rng = random.Random(0)
    for _ in range(200):
        named = {item for item in "123" if rng.random() < 0.4}
        walk = TitleWalk(trie, named)
        while not walk.disallowed() & {1}:
            walk.push(rng.choice([65, 66]))
            walk.push(1)
            text = ""
            while walk.inside:
                left = [title for title, item in titles.items() if item not in named and title.startswith(text)]
                going = {ord(title[len(text)]) if title != text else 2 for title in left}
                assert set(walk.allowed()) == going
                assert going <= set(walk.known())
                walk.weigh(0.5)
                walk.push(token := rng.choice(sorted(going)))
                text += "" if token == 2 else chr(token)
            assert walk.left[-1] == 1 - math.pow(0.5, len(text) + 1)
            named.add(titles[text])
        assert named == set("123")
        assert walk.disallowed() == {60, 1}
