"""How the values of a metric become a score, and how two runs are compared in it: shares, means, Dist-n, areas."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from interplay_bench.metrics.auc import auc
from interplay_bench.metrics.distinct import distinct
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.paired_tests import (
    Comparison,
    compare_auc,
    compare_distinct,
    compare_means,
    compare_rates,
)
from interplay_bench.metrics.rates import user_rate
from interplay_bench.metrics.score import Direction, Score, signature


class Aggregation(Protocol):
    """What a metric does with its values; ``clusters`` says which of them belong together (a user's, a dialogue's)."""

    def score(
        self,
        name: str,
        values: Sequence[Any],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score | None:
        """The score, ``parts`` in its signature; ``None`` where it cannot be computed here, and is left out."""
        ...

    def compare(self, a: Sequence[Any], b: Sequence[Any], clusters: Sequence[Hashable]) -> Comparison | None:
        """The second run against the first, value by value; ``None`` where there is no test for it."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of values that are true; Wilson's interval and McNemar's test, by users where one has several."""

    def score(
        self,
        name: str,
        values: Sequence[bool],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Count."""
        return user_rate(name, values, clusters, direction=direction, **parts)

    def compare(self, a: Sequence[bool], b: Sequence[bool], clusters: Sequence[Hashable]) -> Comparison:
        """By McNemar's exact test; where users have several values, by swapping the runs user by user."""
        return compare_rates(a, b, clusters)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of numbers; a bootstrap over clusters. ``metric``: what the signature calls it, if not by its name."""

    metric: str | None = None

    def score(
        self,
        name: str,
        values: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Average."""
        return mean_score(name, values, clusters, direction=direction, metric=self.metric, seed=seed, **parts)

    def compare(self, a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]) -> Comparison:
        """By a paired bootstrap."""
        return compare_means(a, b, clusters)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Dist-n over all texts; a jackknife over clusters. ``definition``: whose Dist-n."""

    n: int = 4
    definition: str = "paper"

    def score(
        self,
        name: str,
        values: Sequence[str],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Count n-grams."""
        score = distinct(values, self.n, clusters, definition=self.definition)
        described = signature(score.signature, **parts) if parts else score.signature
        return replace(score, name=name, signature=described, direction=direction)

    def compare(self, a: Sequence[str], b: Sequence[str], clusters: Sequence[Hashable]) -> Comparison | None:
        """By a paired jackknife over equally many texts."""
        return compare_distinct(a, b, self.n, clusters, definition=self.definition)


@dataclass(frozen=True, slots=True)
class Auc:
    """The area under the ROC curve of ``(score, label)`` pairs; a bootstrap over clusters."""

    def score(
        self,
        name: str,
        values: Sequence[tuple[float, bool]],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Rank."""
        scores, labels = [score for score, _ in values], [label for _, label in values]
        return auc(scores, labels, clusters, name=name, seed=seed, **parts)

    def compare(
        self, a: Sequence[tuple[float, bool]], b: Sequence[tuple[float, bool]], clusters: Sequence[Hashable]
    ) -> Comparison | None:
        """By a paired bootstrap; both runs are over the same data, and so have the same labels."""
        return compare_auc([p for p, _ in a], [p for p, _ in b], [label for _, label in a], clusters)
