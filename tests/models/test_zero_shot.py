"""A guided zero-shot model chooses its action and writes behind it: its turns keep the markup, whatever it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from interplay_bench.dialogues.dialogue import ACTIONS, Action, Item, OracleView, Persona, Role, Turn, View
from interplay_bench.dialogues.markup import END, Malformed
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Choice, Generation, Refusal, Sampling
from interplay_bench.environment.errors import CardError
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from interplay_bench.simulators.adapter import ADAPTERS
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from tests import random_model
from tests.simulation.talk_plugin import BOOKS, gold

GUIDED = Sampling(max_tokens=8, stop=(END,), guided=True)
VIEWS = [View(role, Persona(f"Likes rain {role}."), ()) for role in (Role.USER, Role.RECOMMENDER, Role.USER)]
TALL = "You might like <movie_title>Tall (1990)</movie_title>."


class Told:
    """A language model that answers as it is told, and remembers what it was asked."""

    def __init__(self, choice: Choice | Refusal, text: Generation | Refusal) -> None:
        self.choice, self.text = choice, text
        self.asked: list[Prompt] = []
        self.choices: list[list[str]] = []
        self.begun: list[str] = []

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        self.asked += prompts
        self.choices.append(list(choices))
        return [self.choice for _ in prompts]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        self.begun += [prompt.prefix for prompt in prompts]
        return [self.text for _ in prompts]

    def identity(self) -> Mapping[str, object]:
        return {}

    def usage(self) -> Mapping[str, int]:
        return {}

    def close(self) -> None:
        pass


def simulator(model: Any, sampling: Sampling = GUIDED, name: str = "zero-shot") -> LanguageModelSimulator:
    cls: Any = ADAPTERS.all()[name]
    made: LanguageModelSimulator = cls(model, sampling)
    return made


def test_the_action_is_chosen_among_the_roles_and_the_response_written_behind_it() -> None:
    model = Told(Choice(0, (-1.0, -2.0)), Generation(TALL, 50, 9, dropped_turns=2))
    user, recommender, second = simulator(model).respond(VIEWS)
    assert [prompt.prefix for prompt in model.asked] == ["<action>"] * 3
    assert model.choices == [[f"<{action}>" for action in ACTIONS[role]] for role in Role]
    accepting, recommending = (f"<action><{action}></action><response>" for action in ("accept", "recommend"))
    assert model.begun == [accepting, recommending, accepting]
    assert (user.raw, recommender.raw) == (accepting + TALL, recommending + TALL)
    assert user == second
    assert isinstance(recommender.turn, Turn)
    assert recommender.turn.action is Action.RECOMMEND
    assert [item.name for item in recommender.turn.recommended] == ["Tall (1990)"]
    assert (recommender.prompt_tokens, recommender.completion_tokens, recommender.dropped_turns) == (50, 9, 2)


def test_a_stray_token_stays_malformed() -> None:
    model = Told(Choice(1), Generation("No. <action><accept></action>"))
    for reply in simulator(model).respond(VIEWS):
        assert isinstance(reply.turn, Malformed)
        assert reply.turn.reason == "stray structural token"


@pytest.mark.parametrize("refused", ["choice", "text"])
def test_a_refusal_stays_one(refused: str) -> None:
    no = Refusal("filtered")
    model = Told(no if refused == "choice" else Choice(0), no if refused == "text" else Generation("Yes."))
    for reply in simulator(model).respond(VIEWS):
        assert reply.refused
        assert reply.turn == Malformed("filtered", "")
    assert not model.begun or refused == "text"


def test_a_model_that_names_no_action_writes_as_it_likes() -> None:
    model = Told(Choice(None, text="Sure!"), Generation("<feedback></action><response>No."))
    reply, *_ = simulator(model).respond(VIEWS)
    assert model.begun[0] == "<action>"
    assert reply.raw == "<action><feedback></action><response>No."
    assert isinstance(reply.turn, Turn)


def test_unguided_it_chooses_nothing() -> None:
    model = Told(Choice(0), Generation("Hello."))
    reply, *_ = simulator(model, Sampling()).respond(VIEWS)
    assert not model.asked
    assert isinstance(reply.turn, Malformed)
    assert reply.raw == "<action>Hello."


def test_a_told_user_is_guided_alike() -> None:
    model = Told(Choice(0), Generation("I'll take it."))
    view = OracleView(Role.USER, Persona(), (), Item("d", "Dune", 1965))
    (reply,) = simulator(model, name="oracle-prompted").respond([view])
    assert isinstance(reply.turn, Turn)
    assert reply.turn.action is Action.ACCEPT


def test_a_server_does_not_guide_a_fine_tuned_model() -> None:
    card = ModelCard("served", "finetuned", "", {"kind": "endpoint"}, {"guided": True}, {"role": "user"})
    with pytest.raises(CardError, match=r"guided bars .* in local engines only.* serve-check URL"):
        ADAPTERS.all()["finetuned"].from_card(card, None, 0)


TEMPLATE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}[assistant]"


@pytest.fixture(scope="module")
def engine() -> Any:
    """A random model that knows neither words nor markup."""
    from interplay_bench.engines.local.transformers_model import TransformersModel
    from interplay_bench.engines.weights import TransformersSettings

    made = random_model.weights(random_model.tokenizer(template=TEMPLATE))
    return TransformersModel(TransformersSettings(model="tiny"), made)


def talk(engine: Any, window: int, temperature: float) -> list[Episode]:
    speaker = simulator(engine, Sampling(max_tokens=6, temperature=temperature, stop=(END,), seed=3, guided=True))
    dialogues = dict(enumerate(map(gold, range(4))))
    rules = SimulationConfig(max_turns=6, window=window)
    found = dict(converse(Pair(speaker, speaker), dialogues, TitleIndex(BOOKS), rules))
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_random_model_speaks_in_turns_the_same_in_any_batch(engine: Any, temperature: float) -> None:
    alone = talk(engine, 1, temperature)
    notes = [note for episode in alone for _, note in episode.spoken]
    assert notes
    assert not [note.raw for note in notes if note.malformed]
    before = engine.forward_tokens
    assert talk(engine, 3, temperature) == alone
    work = engine.forward_tokens - before
    engine.remember()
    assert talk(engine, 3, temperature) == alone
    less = engine.forward_tokens - before - work
    engine.close()
    assert less < 0.7 * work  # neither the choice nor the text reads the turns before it anew
