"""Language models in lockstep: a tiny random one says the same in any batch, and its prompts hold no target."""

from __future__ import annotations

from typing import Any

import pytest

from interplay_bench.dialogues.dialogue import Action, Dialogue, Role, Turn, View
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.engines.language_model import Sampling
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.simulation.corpus_leaks import leakage
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from interplay_bench.simulators.adapter import Reply
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from interplay_bench.simulators.model_spec import Model
from tests import random_model
from tests.simulation.talk_plugin import BOOKS, gold

CATALOG = TitleIndex(BOOKS)


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
    from interplay_bench.engines.local.transformers_model import TransformersModel
    from interplay_bench.engines.weights import TransformersSettings

    made = random_model.weights(random_model.tokenizer())
    return TransformersModel(TransformersSettings(model="tiny"), made)


def talk(engine: Any, window: int, temperature: float, dialogues: dict[int, Dialogue]) -> list[Episode]:
    speaker = Mumbling(engine, Sampling(max_tokens=6, temperature=temperature, seed=3))
    pair = Pair(speaker, speaker)
    found = dict(converse(pair, dialogues, CATALOG, SimulationConfig(max_turns=6, window=window)))
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
