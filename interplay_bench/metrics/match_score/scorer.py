"""How near two items are: the cosine of their embeddings."""

from __future__ import annotations

from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.metrics.match_score.artefact import Artefact, load
from interplay_bench.simulators.checkpoint import find_checkpoint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CARD = "match-score"
SHIPPED = "sample"
"""The data set whose own small model comes with the package."""


class Scorer:
    """Items by title and year, as rows of an :class:`Artefact`. ``identity`` tells it from others, in signatures.

    ``domains``: what its items are; of another domain it knows nothing, whatever a title says. An item that has no row
    is embedded from its text, where the artefact knows how.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        self.identity = artefact.identity
        self.domains = frozenset(item.domain for item in artefact.catalog)
        self._rows = {item: row for row, item in enumerate(artefact.catalog)}
        self._row = lru_cache(maxsize=65536)(self._find)
        self._text = lru_cache(maxsize=65536)(artefact.texts) if artefact.texts else None

    @cached_property
    def _catalog(self) -> TitleIndex:
        return TitleIndex(self.artefact.catalog)

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a trained model's folder."""
        return cls(load(folder))

    def row(self, item: Item) -> int | None:
        """The row of an item, found by its title and year whatever its id; ``None`` where it is unknown."""
        return self._row(item.title, item.year) if item.domain in self.domains else None

    def vector(self, item: Item) -> NDArray[np.float32] | None:
        """The item's embedding, of length 1, (dim,); ``None`` where it is unknown."""
        row = self.row(item)
        if row is not None:
            found: NDArray[np.float32] = self.artefact.vectors[row]
            return found
        return self._text(item) if self._text is not None and item.domain in self.domains else None

    def similarity(self, a: Item, b: Item) -> float | None:
        """The cosine of two items, in [-1, 1]; ``None`` where one of them is unknown."""
        vectors = self.vector(a), self.vector(b)
        if vectors[0] is None or vectors[1] is None:
            return None
        return float(vectors[0] @ vectors[1])

    def similarities(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosines of many pairs of rows at once."""
        import numpy as np

        vectors = self.artefact.vectors
        found: NDArray[np.float32] = np.einsum("nd,nd->n", vectors[a], vectors[b])
        return found

    def random_pairs(self, n: int = 10_000, seed: int = 0) -> float:
        """The mean cosine over ``n`` random pairs of two different items: what a score says when it says nothing."""
        import numpy as np

        rng, count = np.random.default_rng(seed), len(self.artefact.catalog)
        if count < 2:
            return 1.0
        a = rng.integers(0, count, n)
        return float(self.similarities(a, (a + rng.integers(1, count, n)) % count).mean())

    def _find(self, title: str, year: int | None) -> int | None:
        found = self._catalog.find(title, year)
        return None if found is None else self._rows[found]


@lru_cache(maxsize=4)
def find_scorer(dataset: str) -> Scorer:
    """The scorer that fits a data set: the sample's own, which is shipped, or the one trained on MovieLens.

    Where none is trained yet and MovieLens' small release is at hand, one is made. Raises :class:`UsageError` that
    says how to train it.
    """
    from interplay_bench.metrics.match_score import first_use

    if dataset == SHIPPED:
        return Scorer.load(Path(str(files("interplay_bench.metrics.match_score") / SHIPPED)))
    try:
        return Scorer.load(find_checkpoint(CARD))
    except CheckpointError as error:
        ratings = first_use.at_hand()
        if ratings is not None:
            return Scorer.load(first_use.make(CARD, ratings))
        raise UsageError(
            "There is no Match Score model for this data yet: train it with "
            f"`interplay-bench train {CARD} --data FOLDER` on a MovieLens release. ({error})"
        ) from None
