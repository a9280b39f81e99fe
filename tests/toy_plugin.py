"""A plugin as a user would write one: a small data set, a model that decides by a word, a slow one, a task."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from interplay_bench import (
    Action,
    Decision,
    Dialogue,
    DialogueSet,
    Item,
    Mention,
    Metric,
    Persona,
    Preprocessing,
    Reply,
    Role,
    Sample,
    Score,
    SeenItem,
    Source,
    Task,
    Turn,
    UserSimulator,
    Verdict,
    View,
)
from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.evaluation.task import task
from interplay_bench.simulators.adapter import adapter

NOVEL = {"genre": ("novel",)}
BOOKS = [Item(f"b{n}", title, year, "book", NOVEL) for n, (title, year) in enumerate(
    [("Dune", 1965), ("Emma", 1815), ("Beloved", 1987), ("Ulysses", 1922), ("Middlemarch", 1871), ("Solaris", 1961)]
)]  # fmt: skip


def proposal(*items: Item) -> Turn:
    text, mentions = "Try", []
    for item in items:
        mentions.append(Mention(item, len(text) + 1, len(text) + 1 + len(item.name)))
        text += f" {item.name}"
    return Turn(Role.RECOMMENDER, Action.RECOMMEND, text, tuple(mentions), items)


def conversation(number: int) -> Dialogue:
    """Three rounds; the target comes in round ``number % 4`` (never for 3) and every seventh has none."""
    target = BOOKS[0]
    rounds = [BOOKS[1], BOOKS[2], BOOKS[3]]
    if number % 4 < 3:
        rounds[number % 4] = target
    turns = [Turn(Role.USER, Action.DISCLOSE_GOAL, f"I want sand and spice, please ({number})")]
    for item in rounds:
        turns += [proposal(item), Turn(Role.USER, Action.FEEDBACK, f"Hmm, {item.title}? No.")]
    persona = Persona("Likes deserts.", (SeenItem(BOOKS[4], "too long"),), "Something with worms.")
    return Dialogue(f"d{number}", f"u{number % 13}", persona, None if number % 7 == 6 else target, tuple(turns),
                    {"b0": True, "b1": False, "b2": False})  # fmt: skip


@dataset("toy", splits=("test",))
def load(source: Source) -> DialogueSet:
    """Books in three rounds; ``data`` is how many dialogues."""
    count = int(source.data or 12)
    return DialogueSet("toy", source.split, tuple(map(conversation, range(count))), tuple(BOOKS), Preprocessing(count))


@adapter("likes-dune")
class LikesDune(UserSimulator):
    """Takes what is called Dune, and says so."""

    def decide(self, views: Sequence[View]) -> list[Decision]:
        return [self._decision("Dune" in view.turns[-1].text) for view in views]

    def respond(self, views: Sequence[View]) -> list[Reply]:
        return [
            Reply(
                Turn(Role.USER, Action.ACCEPT if v.turns and "Dune" in v.turns[-1].text else Action.FEEDBACK, "Hm."), ""
            )
            for v in views
        ]

    @staticmethod
    def _decision(likes: bool) -> Decision:
        return Decision(Verdict.ACCEPT if likes else Verdict.REJECT, 0.9 if likes else 0.1)


@adapter("slow")
class Slow(LikesDune):
    """Takes its time."""

    window = 4

    def identity(self) -> Mapping[str, object]:
        return {"stop": ("</response>",)}

    def decide(self, views: Sequence[View]) -> list[Decision]:
        time.sleep(0.02)
        return super().decide(views)


class Plain:
    """A mean without an interval."""

    def score(self, name: str, values: Sequence[int], clusters: Sequence[object], **how: Any) -> Score:
        return Score(name, sum(values) / len(values), len(values), name)

    def compare(self, a: Sequence[int], b: Sequence[int], clusters: Sequence[object]) -> None:
        return None


@task("turns")
class Turns(Task[None, UserSimulator]):
    """Count turns."""

    role = Role.USER
    metrics = (Metric("turns", "turns in a dialogue", Plain(), lambda task, samples: {
        (i, 0): sample.counts["turns"] for i, sample in enumerate(samples)
    }),)  # fmt: skip

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        return [Sample(d.id, d.user_id, "counted", {"turns": len(d.turns)}) for d in dialogues]
