"""The four numbers of Match Score, for any task that weighs items against targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interplay_bench.evaluation.metric import Metric, Point, Values
from interplay_bench.evaluation.sample import Sample
from interplay_bench.metrics.aggregation import Rate
from interplay_bench.metrics.match_score.artefact import FILMS
from interplay_bench.metrics.match_score.match_score import (
    NO_SCORER,
    Match,
    MatchCorrected,
    MatchFloor,
    MatchMean,
)

Matches = Callable[[Any, Sequence[Sample]], Mapping[Point, Match | None] | None]


UNSCORED = "no scorer knows these items (interplay-bench train match-score makes one)"


def match_metrics(
    matches: Matches, parts: Callable[[Any], Mapping[str, object]], *, paired: bool
) -> tuple[Metric, ...]:
    """The mean, its coverage, its floor, and what is left above that, of a task that has a ``scorer``.

    ``matches``: at every judged turn, how near it came (``None`` where the scorer does not know the target); ``None``
    where the task's options leave the metric out.
    """

    def known(task: Any) -> Mapping[str, object]:
        if task.scorer is None:
            return {"scorer": NO_SCORER, **parts(task)}
        others = sorted(task.scorer.domains - {FILMS})
        domain = {"domain": "+".join(others)} if others else {}
        return {"scorer": task.scorer.identity, **domain, "unnamed": 0, **parts(task)}

    def values(task: Any, samples: Sequence[Sample]) -> Values | None:
        found = matches(task, samples)
        return None if found is None else {p: match.value for p, match in found.items() if match is not None}

    def both_known(task: Any, samples: Sequence[Sample]) -> Values | None:
        found = matches(task, samples)
        return None if found is None else {p: match is not None and match.known for p, match in found.items()}

    def applies(task: Any) -> bool:
        return task.scorer is not None

    return (
        Metric("Match Score", "how near the recommended item is to the target", MatchMean(), values, "higher", known,
               paired=paired, empty=UNSCORED),
        Metric("match coverage", "the scorer knows both the item and the target", Rate(), both_known, "higher", known,
               applies, paired=paired, main=False),
        Metric("Match Score random", "how near two random items are", lambda task: MatchFloor(task.scorer), values,
               None, known, applies, paired=False, main=False),
        Metric("Match Score corrected", "what of Match Score is above random", lambda task: MatchCorrected(task.scorer),
               values, "higher", known, applies, paired=False, main=False),
    )  # fmt: skip
