"""A plugin whose simulators talk: what they say depends on their view alone, and every ending comes up."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Self

from interplay_bench import (
    Action,
    Decision,
    Dialogue,
    DialogueSet,
    Item,
    Persona,
    Preprocessing,
    Reply,
    Role,
    SeenItem,
    Source,
    Turn,
    UserSimulator,
    Verdict,
    View,
)
from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.dialogues.markup import parse
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.engines.language_model import Choice, Generation, Refusal, Sampling
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulators.adapter import Recommender, adapter
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.card_engine import sampling_of
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator

BOOKS = tuple(
    Item(f"b{n}", title, 1900 + n, "book", {"genre": (("novel", "poem")[n % 2],), "trait": (f"t{n % 3}",)})
    for n, title in enumerate(("Dune", "Emma", "Beloved", "Ulysses", "Solaris", "Middlemarch"))
)
CATALOG = ItemCatalog(DialogueSet("talk", "test", (), BOOKS, Preprocessing()), lambda: None)
OPENING = (
    Turn(Role.USER, Action.GREETING, "Hello.", scripted=True),
    Turn(Role.RECOMMENDER, Action.INQUIRE, "What would you like?", scripted=True),
)


def gold(number: int) -> Dialogue:
    persona = Persona(f"Likes deserts, number {number}.", (SeenItem(BOOKS[4], "too long"),), f"Worms and {number}.")
    target = None if number % 9 == 8 else BOOKS[number % len(BOOKS)]
    spoken = Turn(Role.USER, Action.DISCLOSE_GOAL, "Gold words that nobody hears.")
    return Dialogue(f"d{number}", f"u{number % 5}", persona, target, (*OPENING, spoken))


@dataset("library", splits=("test",))
def load(source: Source) -> DialogueSet:
    """Personas who look for a book; ``data`` is how many."""
    count = int(source.data or 12)
    return DialogueSet("library", source.split, tuple(map(gold, range(count))), BOOKS, Preprocessing(count))


def draw(view: View, salt: str) -> int:
    """A number from 0 to 99 that the view alone decides."""
    known = (salt, str(view.role), view.persona.general_preferences, *(turn.text for turn in view.turns))
    return int.from_bytes(hashlib.sha256("|".join(known).encode()).digest()[:4]) % 100


def wrote(action: str, text: str, role: Role) -> Reply:
    raw = f"<action><{action}></action><response>{text}</response>"
    return Reply(parse(raw, role), raw, prompt_tokens=10, completion_tokens=5)


@adapter("talkative")
class Talkative(UserSimulator):
    """Accepts now and then, and stumbles now and then."""

    def identity(self) -> Mapping[str, object]:
        return {"sampling": {"stop": ("</response>",)}}

    def decide(self, views: Sequence[View]) -> list[Decision]:
        return [Decision(Verdict.ACCEPT if draw(v, "d") < 30 else Verdict.REJECT, draw(v, "d") / 100) for v in views]

    def respond(self, views: Sequence[View]) -> list[Reply]:
        return [self._say(view) for view in views]

    def _say(self, view: View) -> Reply:
        chance = draw(view, "user")
        if chance < 12:
            return wrote("recommend", "You might like <book_title>Emma (1901)</book_title>.", Role.USER)
        if chance < 40:
            return wrote("accept", f"I'll take it, {chance}.", Role.USER)
        return wrote("feedback", f"Not for me, {chance}. {view.persona.target_attributes}", Role.USER)


@adapter("bookseller")
class Bookseller(Recommender):
    """Recommends what is on the shelf, things that are not, and says goodbye."""

    def respond(self, views: Sequence[View]) -> list[Reply]:
        return [self._say(view) for view in views]

    def _say(self, view: View) -> Reply:
        assert not view.persona.target_attributes
        chance = draw(view, "recommender")
        if chance < 10:
            return wrote("chat", "Goodbye, enjoy reading!", Role.RECOMMENDER)
        if chance < 20:
            return wrote("recommend", "Try <book_title>No Such Book (1999)</book_title>.", Role.RECOMMENDER)
        if chance < 30:
            return wrote("disclose-goal", "I'm looking for a book.", Role.RECOMMENDER)
        book = BOOKS[chance % len(BOOKS)]
        return wrote("recommend", f"Try <book_title>{book.name}</book_title>.", Role.RECOMMENDER)


@adapter("slow-talker")
class SlowTalker(Talkative):
    """Takes its time."""

    def respond(self, views: Sequence[View]) -> list[Reply]:
        time.sleep(0.01)
        return super().respond(views)


class Thermometer:
    """A language model that says how hot it is."""

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        return [Choice(0) for _ in prompts]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        said = f"<feedback></action><response>{sampling.temperature} and {sampling.top_p}"
        return [Generation(said) for _ in prompts]

    def identity(self) -> Mapping[str, object]:
        return {"engine": "thermometer"}

    def usage(self) -> Mapping[str, int]:
        return {}

    def close(self) -> None:
        pass


@adapter("thermometer")
class HotUser(LanguageModelSimulator):
    """Says how it samples, turn by turn."""

    standalone = True

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        return cls(Thermometer(), sampling_of(card, seed))

    def prompt(self, view: View) -> Prompt:
        return training_prompt(view)


class Scripted(Talkative, Bookseller):
    """Says the given lines, one a turn of its role: raw output, as a model writes it."""

    roles = frozenset(Role)

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.seen: list[View] = []
        self.batches: list[int] = []

    def respond(self, views: Sequence[View]) -> list[Reply]:
        self.seen += views
        self.batches.append(len(views))
        return [self._line(view) for view in views]

    def _line(self, view: View) -> Reply:
        spoken = sum(turn.role is view.role and not turn.scripted for turn in view.turns)
        raw = self.lines[min(spoken, len(self.lines) - 1)]
        return Reply(parse(raw, view.role), raw)


def alternates(turns: Sequence[Turn]) -> bool:
    """Whether no side speaks twice in a row."""
    return all(a.role is not b.role for a, b in pairwise(turns))


def without_script(dialogue: Dialogue) -> Dialogue:
    """The same persona, without an opening."""
    return replace(dialogue, turns=())
