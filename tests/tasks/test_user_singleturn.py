from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from interplay_bench import Action, Dialogue, Malformed, Persona, Reply, Role, Turn, UserSimulator, View
from interplay_bench.evaluation.task import TASKS


class Parrot(UserSimulator):
    """Says how many turns it has heard; once nothing well-formed, and once nothing at all."""

    def decide(self, views: Sequence[View]) -> list[Any]:
        raise NotImplementedError

    def respond(self, views: Sequence[View]) -> list[Reply]:
        said = []
        for view in views:
            text = f"I heard {len(view.turns)} turns"
            turn: Turn | Malformed = Turn(Role.USER, Action.FEEDBACK, text)
            if len(view.turns) == 4:
                turn = Malformed("no action", text)
            said.append(Reply(turn, text, completion_tokens=3, refused=len(view.turns) == 6))
        return said


def dialogue() -> Dialogue:
    turns = [Turn(Role.USER, Action.GREETING, "Hi there!", scripted=True)]
    for number in range(4):
        turns += [Turn(Role.RECOMMENDER, Action.INQUIRE, f"And {number}?"), Turn(Role.USER, Action.FEEDBACK, "Well.")]
    return Dialogue("d", "u", Persona("", (), ""), None, tuple(turns))


def test_every_unscripted_turn_is_written_anew_from_the_gold_history() -> None:
    task: Any = TASKS.find("user_singleturn").from_settings({})
    task.scorer = SimpleNamespace(score=lambda said, gold: [len(text) / 100 for text in said], parts={"model": "m"})
    (sample,) = task.evaluate(Parrot(), [dialogue()])
    assert [(reply["turn"], reply["text"]) for reply in sample.detail["replies"]] == [
        (2, "I heard 2 turns"), (4, "I heard 4 turns"), (8, "I heard 8 turns")
    ]  # fmt: skip
    assert sample.outcome == "evaluated"
    assert sample.counts["replies"] == 4
    assert (sample.counts["replies_refused"], sample.counts["replies_malformed"]) == (1, 1)
    scores = {score.name: score for score in task.scores([sample])}
    assert scores["words"].value == 4
    assert scores["BERTScore"].value == 0.15
    assert scores["BERTScore"].signature.startswith("bertscore-f1|model:m|")
    assert task.describe(sample, dialogue()).turns[4].action == "no action"
