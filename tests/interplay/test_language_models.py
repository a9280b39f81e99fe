"""Language models in lockstep: a tiny random one says the same in any batch, and its prompts hold no target."""

from __future__ import annotations

from typing import Any

import pytest

from interplay_bench.adapter import Reply
from interplay_bench.card import ModelCard
from interplay_bench.catalog import Catalog
from interplay_bench.dialogue import Action, Dialogue, Role, Turn, View
from interplay_bench.interplay.episode import Episode
from interplay_bench.interplay.leakage import leakage
from interplay_bench.interplay.lockstep import Rules, converse
from interplay_bench.interplay.pair import Pair
from interplay_bench.language_model import Prompt, Sampling
from interplay_bench.model import Model
from interplay_bench.prompting import training_prompt
from interplay_bench.simulator import LanguageModelSimulator
from tests import random_model
from tests.interplay.talk_plugin import BOOKS, gold

CATALOG = Catalog(BOOKS)


class Mumbling(LanguageModelSimulator):
    """A random model whose every text is said, since a random model hits no format."""

    def prompt(self, view: View) -> Prompt:
        return training_prompt(view)

    def respond(self, views: Any) -> list[Reply]:
        actions = {Role.USER: Action.FEEDBACK, Role.RECOMMENDER: Action.INQUIRE}
        replies = super().respond(views)
        return [
            Reply(Turn(view.role, actions[view.role], reply.raw or "."), reply.raw)
            for view, reply in zip(views, replies, strict=True)
        ]


@pytest.fixture(scope="module")
def engine() -> Any:
    from interplay_bench.engines.transformers import TransformersModel
    from interplay_bench.engines.weights import TransformersSettings

    made = random_model.weights(random_model.tokenizer())
    return TransformersModel(TransformersSettings(model="tiny"), made)


def talk(engine: Any, window: int, temperature: float, dialogues: dict[int, Dialogue]) -> list[Episode]:
    speaker = Mumbling(engine, Sampling(max_tokens=6, temperature=temperature, seed=3))
    pair = Pair(speaker, speaker)
    found = dict(converse(pair, dialogues, CATALOG, Rules(max_turns=6, window=window)))
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_lockstep_says_what_one_at_a_time_says(engine: Any, temperature: float) -> None:
    dialogues = dict(enumerate(map(gold, range(4))))
    together = talk(engine, 3, temperature, dict(reversed(dialogues.items())))
    assert together == talk(engine, 1, temperature, dialogues)
    assert len({episode.dialogue.turns for episode in together}) > 1


def test_the_audit_of_prompts_finds_what_leaks_and_only_that(engine: Any) -> None:
    from dataclasses import replace

    speaker = Mumbling(engine, Sampling())
    model = Model("tiny", ModelCard("tiny", "tiny", ""), speaker)
    clean = [Episode(gold(number), ()) for number in range(4)]
    found = leakage((model, model), clean)
    assert found["user"]["prompts"] > 0
    assert found["user"]["leaks"] == found["recommender"]["leaks"] == 0
    told = replace(gold(3).persona, target_attributes='Something like "Ulysses" (1903).')
    leaking = [Episode(replace(gold(3), persona=told), ())]
    assert leakage((model, model), leaking)["user"]["leaks"] > 0
    said = replace(gold(3), turns=(*gold(3).turns, Turn(Role.RECOMMENDER, Action.CHAT, 'Try "Ulysses" (1903).')))
    said = replace(said, turns=(*said.turns, Turn(Role.USER, Action.CHAT, "No.")))
    aimless = replace(said, id="aimless", target=None)
    heard = leakage((model, model), [Episode(aimless, ()), Episode(said, ())], limit=1)
    assert heard["dialogues"] == 1
    assert heard["user"]["leaks"] == 0
    turns = heard["user"]["channels"]["turns"]
    assert turns["found"] == turns["unnamed"] > 0  # the words are there, and no mention of the item
