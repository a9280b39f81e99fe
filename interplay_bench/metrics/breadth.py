"""Catalogue coverage: how much of a catalogue is ever recommended.

The different items recommended over the catalogue's size. Range [0, 1]; more is broader. It grows with the number of
recommendations, so that ``n`` stands in the signature, and models are compared at equal size. A bootstrap repeats
recommendations, which alone lowers it; the interval is the delete-one-cluster jackknife's.

Ge, M., Delgado-Battenfeld, C. and Jannach, D. (2010). Beyond accuracy: evaluating recommender systems by coverage and
serendipity. RecSys.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt

from interplay_bench.metrics.distinct import Z
from interplay_bench.results import Score, signature

VERSION = 1


def breadth(
    recommended: Sequence[Hashable], catalogue: int, clusters: Sequence[Hashable], *, name: str, **parts: object
) -> Score:
    """Return the share of ``catalogue`` items that occur in ``recommended``; ``clusters``: the user of each."""
    if len(recommended) != len(clusters):
        raise ValueError(f"{len(recommended)} items, but {len(clusters)} clusters")
    owner: dict[Hashable, Hashable] = {}
    shared = object()
    for item, cluster in zip(recommended, clusters, strict=True):
        if owner.setdefault(item, cluster) != cluster:
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
