"""How well an evaluator agrees with people: correlations over everything, within systems and over systems' means.

All intervals resample whole dialogues, a turn with its dialogue. Ranks are ranked anew in each resample.

Spearman, C. (1904). American Journal of Psychology 15. Efron, B. and Tibshirani, R. (1993). An Introduction to the
Bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from interplay_bench.metrics.intervals import cluster_index, percentiles
from interplay_bench.study.evaluators.evaluator import Evaluator
from interplay_bench.study.rated.rated_set import RatedItem, RatedSet
from interplay_bench.study.resampling import resample_weights

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

Level = Literal["dialogue", "turn"]
Statistic = Literal["spearman", "pearson"]
RESAMPLES = 1_000
ALL, OVER = "all", "over systems"


@dataclass(frozen=True, slots=True)
class Agreement:
    """One correlation with people. ``scope``: :data:`ALL` items, :data:`OVER` the systems' means, or a system's name.

    ``n``: how many numbers are correlated, of ``dialogues``. ``value`` is ``None`` where one side is constant.
    """

    part: str
    evaluator: str
    criterion: str
    level: Level
    statistic: Statistic
    scope: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    dialogues: int


def validate(rated: RatedSet, evaluators: Mapping[str, Evaluator], seed: int = 0) -> list[Agreement]:
    """Correlate every evaluator with people by every criterion, over the whole corpus and each of its parts."""
    found = []
    parts = sorted({each.part for each in rated.dialogues})
    for criterion in rated.criteria:
        items = rated.items(criterion)
        for name, evaluator in evaluators.items() if items else ():
            given = evaluator(criterion, items)
            for part in ["", *parts] if len(parts) > 1 else [""]:
                chosen = [
                    (item, value)
                    for item, value in zip(items, given, strict=True)
                    if value is not None and part in ("", item.dialogue.part)
                ]
                level: Level = "turn" if criterion.turns else "dialogue"
                for numbers in _correlations(chosen, seed) if chosen else ():
                    found.append(Agreement(part, name, criterion.key, level, *numbers))
    return found


def _correlations(
    chosen: Sequence[tuple[RatedItem, float]], seed: int
) -> Iterator[tuple[Statistic, str, float | None, float | None, float | None, int, int]]:
    import numpy as np

    values = np.array([value for _, value in chosen], dtype=float)
    scores = np.array([item.score for item, _ in chosen], dtype=float)
    systems = np.array([item.dialogue.system for item, _ in chosen])
    index, groups = cluster_index([item.dialogue.id for item, _ in chosen], len(chosen))
    weights = np.concatenate([np.ones((1, groups)), resample_weights(groups, RESAMPLES, seed)])[:, index]
    names = sorted(set(systems))
    subsets = {ALL: np.ones(len(chosen), dtype=bool)}
    subsets |= {name: systems == name for name in names} if len(names) > 1 else {}
    for statistic in ("spearman", "pearson"):
        for scope, rows in subsets.items():
            found = correlations(values[rows], scores[rows], weights[:, rows], statistic)
            yield statistic, scope, *_summary(found), int(rows.sum()), len(set(index[rows]))
        if len(names) > 1:
            yield (
                statistic,
                OVER,
                *_summary(_over_systems(values, scores, systems, weights, statistic)),
                len(names),
                groups,
            )


def _over_systems(values: Array, scores: Array, systems: Array, weights: Array, statistic: Statistic) -> Array:
    """The correlation of the systems' means in each resample; a system that was not drawn is left out of it."""
    import numpy as np

    member = (systems[:, None] == np.unique(systems)[None, :]).astype(float)
    counts = weights @ member
    means = [(weights * each) @ member / np.maximum(counts, 1) for each in (values, scores)]
    drawn = (counts > 0).astype(float)
    if statistic == "spearman":
        means = [_ranks_by_row(each, drawn) for each in means]
    return _pearson(means[0], means[1], drawn)


def correlations(x: Array, y: Array, weights: Array, statistic: Statistic) -> Array:
    """The correlation of ``x`` and ``y`` under each row of ``weights`` (rows x items); NaN where a side is constant."""
    if statistic == "spearman":
        return _pearson(_midranks(x, weights), _midranks(y, weights), weights)
    return _pearson(x[None, :], y[None, :], weights)


def _ranks_by_row(values: Array, drawn: Array) -> Array:
    """Ranks of few numbers that differ from row to row; those not drawn do not count."""
    below = ((values[:, None, :] < values[:, :, None]) * drawn[:, None, :]).sum(axis=2)
    alike = ((values[:, None, :] == values[:, :, None]) * drawn[:, None, :]).sum(axis=2)
    ranks: Array = below + (alike + 1) / 2
    return ranks


def _midranks(values: Array, weights: Array) -> Array:
    """Each item's rank in each resample, ties sharing their mean: (items drawn below) + (drawn alike + 1) / 2."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
    alike = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(alike, axis=1) - alike + (alike + 1) / 2
    group = np.empty(len(values), dtype=int)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    of_items: Array = ranks[:, group]
    return of_items


def _pearson(x: Array, y: Array, weights: Array) -> Array:
    import numpy as np

    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        dx, dy = (each - (weights * each).sum(axis=1, keepdims=True) / total for each in (x, y))
        spread = (weights * dx * dx).sum(axis=1) * (weights * dy * dy).sum(axis=1)
        found: Array = np.where(spread > 1e-12, (weights * dx * dy).sum(axis=1) / np.sqrt(spread), np.nan)
    return found


def _summary(found: Array) -> tuple[float | None, float | None, float | None]:
    """The value and its 95% interval; resamples in which one side is constant are left out."""
    import numpy as np

    known = found[1:][~np.isnan(found[1:])]
    value = None if np.isnan(found[0]) else float(found[0])
    if value is None or len(known) < RESAMPLES / 2:
        return value, None, None
    return value, *percentiles(known)
