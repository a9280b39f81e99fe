"""Catalogue coverage: how much of a catalogue is ever recommended.

The different items recommended over the catalogue's size. Range [0, 1]; more is broader. It grows with the number of
turns in which something could be recommended, so that ``n`` in the signature is theirs: equal for all models that were
asked the same, also for one that often names nothing and so covers little. A bootstrap repeats recommendations, which
alone lowers it; the interval is the delete-one-cluster jackknife's.

Ge, M., Delgado-Battenfeld, C. and Jannach, D. (2010). Beyond accuracy: evaluating recommender systems by coverage and
serendipity. RecSys.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from interplay_bench.metrics.distinct import Z
from interplay_bench.metrics.score import Direction, Score, signature

VERSION = 2


@dataclass(frozen=True, slots=True)
class CatalogCoverage:
    """The share of a catalogue of ``size`` items that occurs among the values; a jackknife over clusters."""

    size: int

    def score(
        self,
        name: str,
        values: Sequence[Hashable | None],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Count the different items."""
        return breadth(values, self.size, clusters, name=name, **parts)

    def compare(self, a: Sequence[Any], b: Sequence[Any], clusters: Sequence[Hashable]) -> None:
        """There is no paired test for it."""
        return None


def breadth(
    recommended: Sequence[Hashable | None], catalogue: int, clusters: Sequence[Hashable], *, name: str, **parts: object
) -> Score:
    """Return the share of ``catalogue`` items that occur in ``recommended``.

    ``recommended``: the item of each turn, ``None`` where it names none. ``clusters``: the user of each turn.
    """
    if len(recommended) != len(clusters):
        raise ValueError(f"{len(recommended)} turns, but {len(clusters)} clusters")
    owner: dict[Hashable, Hashable] = {}
    shared = object()
    for item, cluster in zip(recommended, clusters, strict=True):
        if item is not None and owner.setdefault(item, cluster) != cluster:
            owner[item] = shared
    unique = len(owner)
    if unique > catalogue:
        raise ValueError(f"{unique} different items were recommended out of a catalogue of {catalogue}")
    own = dict.fromkeys(clusters, 0)
    for cluster in owner.values():
        if cluster is not shared:
            own[cluster] += 1
    low = high = None
    if len(own) > 1 and catalogue:
        mean = sum(own.values()) / len(own)
        error = sqrt((len(own) - 1) / len(own) * sum((lost - mean) ** 2 for lost in own.values())) / catalogue
        low, high = max(0.0, unique / catalogue - Z * error), min(1.0, unique / catalogue + Z * error)
    value = unique / catalogue if catalogue else None
    sig = signature("catalogue-coverage", **parts, n=len(recommended), interval="jackknife-cluster-95", version=VERSION)
    return Score(name, value, len(recommended), sig, low, high, unique, catalogue, None)
