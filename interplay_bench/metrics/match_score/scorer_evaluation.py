"""How well a model orders what people liked: AUC and Recall@20 of what was held out, and films without ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.environment.errors import DataError
from interplay_bench.metrics.auc import area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HELD_OUT, COLD, PEOPLE, DEPTH = 0.1, 0.05, 5000, 20
"""Shares of positives and of items that are held out; how many users are judged at most; the depth of recall."""
WELL_LIKED = 10
"""Neighbours are looked for among items that so many people like: of others a person could hardly say if they fit."""
KNOWN = (
    "Toy Story (1995)", "Star Wars (1977)", "The Godfather (1972)", "The Matrix (1999)",
    "Alien (1979)", "When Harry Met Sally... (1989)", "The Silence of the Lambs (1991)", "Finding Nemo (2003)",
    "Saving Private Ryan (1998)", "Lord of the Rings: The Fellowship of the Ring, The (2001)",
)  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Positives by where they went: a random tenth of those of warm items is held out; ``cold`` items have none left.

    Each of ``train``, ``held`` and ``cold`` is (users, items); ``cold_items``: which items those are.
    """

    train: tuple[NDArray[np.int32], NDArray[np.int32]]
    held: tuple[NDArray[np.int32], NDArray[np.int32]]
    cold: tuple[NDArray[np.int32], NDArray[np.int32]]
    cold_items: NDArray[np.int64]


def split(users: NDArray[np.int32], items: NDArray[np.int32], item_count: int, seed: int) -> Split:
    """Divide positives at random; too few to learn from and to judge by are a :class:`DataError`."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rated = np.unique(items)
    cold_items = np.sort(rng.choice(rated, int(len(rated) * COLD), replace=False))
    is_cold = np.zeros(item_count, dtype=bool)
    is_cold[cold_items] = True
    cold = is_cold[items]
    held = ~cold & (rng.random(len(items)) < HELD_OUT)
    kept = ~cold & ~held
    if not kept.any() or not held.any() or item_count <= DEPTH:
        raise DataError(f"{len(items)} likes of {item_count} items are too few to hold some out: take more ratings.")
    return Split((users[kept], items[kept]), (users[held], items[held]), (users[cold], items[cold]), cold_items)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Means over users with held-out positives; ``cold_auc`` is ``None`` for a model that knows rated items alone."""

    auc: float
    recall: float
    cold_auc: float | None

    def to_json(self) -> dict[str, float | None]:
        """As it stands in the report."""
        cold = None if self.cold_auc is None else round(self.cold_auc, 4)
        return {"auc": round(self.auc, 4), f"recall@{DEPTH}": round(self.recall, 4), "cold_auc": cold}


def judge(
    found: Split,
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    cold: NDArray[np.float32] | None,
    seed: int,
) -> Judgement:
    """Score every item for each user who has something held out, beside what they liked in training.

    ``cold``: the items' vectors as far as they need no ratings, by which cold items are ordered among themselves.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    liked, held = _by_user(*found.train), _by_user(*found.held)
    judged = np.array(sorted(held))
    judged = np.sort(rng.permutation(judged)[:PEOPLE])
    cold_mask = np.zeros(len(items), dtype=bool)
    cold_mask[found.cold_items] = True
    aucs, recalls = [], []
    for user in judged:
        scores = items @ users[user] + (0 if bias is None else bias)
        out = cold_mask.copy()
        out[liked.get(user, [])] = True
        positive = np.zeros(len(items), dtype=bool)
        positive[held[user]] = True
        positive &= ~out
        if not positive.any():
            continue
        if not (others := ~positive & ~out).any():
            continue
        aucs.append(_area(scores[positive], scores[others]))
        scores[out] = -np.inf
        best = np.argpartition(-scores, DEPTH)[:DEPTH]
        recalls.append(positive[best].sum() / min(DEPTH, positive.sum()))
    if not aucs:
        raise DataError("Nobody is left to judge by: every user who has likes held out likes everything else.")
    return Judgement(float(np.mean(aucs)), float(np.mean(recalls)), None if cold is None else _cold(found, users, cold))


def _cold(found: Split, users: NDArray[np.float32], items: NDArray[np.float32]) -> float | None:
    """The mean AUC among cold items, over users who liked some of them and not all; ``None`` where there is nobody."""
    import numpy as np

    aucs = []
    for user, liked in list(_by_user(*found.cold).items())[:PEOPLE]:
        positive = np.isin(found.cold_items, liked)
        if 0 < positive.sum() < len(positive):
            scores = items[found.cold_items] @ users[user]
            aucs.append(_area(scores[positive], scores[~positive]))
    return float(np.mean(aucs)) if aucs else None


def _area(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    import numpy as np

    labels = np.repeat([True, False], [len(positive), len(negative)])
    found = area(np.concatenate([positive, negative]).tolist(), labels.tolist())
    assert found is not None
    return found


def neighbours(
    vectors: NDArray[np.float32], catalog: Sequence[Item], liked: NDArray[np.int64], count: int = 5
) -> Mapping[str, list[str]]:
    """For well-known films, or where there are none the items that most people like, the nearest by cosine.

    For a person to look at. ``liked``: how many people like each item.
    """
    import numpy as np

    from interplay_bench.items.title_index import TitleIndex

    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    index, rows = TitleIndex(catalog), {item: row for row, item in enumerate(catalog)}
    found = {}
    known = [item for item in map(index.find, KNOWN) if item is not None and item.domain == "movie"]
    for item in known or [catalog[row] for row in np.argsort(-liked, kind="stable")[: len(KNOWN)]]:
        order = np.argsort(-(unit @ unit[rows[item]]), kind="stable")
        near = [row for row in order if row != rows[item] and liked[row] >= WELL_LIKED]
        found[item.name] = [catalog[row].name for row in near[:count]]
    return found


def _by_user(users: NDArray[np.int32], items: NDArray[np.int32]) -> dict[int, NDArray[np.int32]]:
    import numpy as np

    if not len(users):
        return {}
    order = np.argsort(users, kind="stable")
    names, starts = np.unique(users[order], return_index=True)
    return dict(zip(names.tolist(), np.split(items[order], starts[1:]), strict=True))
