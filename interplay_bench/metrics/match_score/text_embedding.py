"""The embedding of an item that nobody rated: what the encoder says of its text, projected as it was learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.metrics.match_score.ratings import item_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from interplay_bench.metrics.match_score.encoding import Centring

GENRES, TAGS = ("genre",), ("theme", "mood")
"""The facets that are read of an item, as genres and as tags."""


@dataclass(frozen=True)
class TextEmbedding:
    """``projection``: (width, dim) of what ``encoder`` says of a text, centred. ``digest``: tells it from others."""

    projection: NDArray[np.float32]
    centring: Centring
    encoder: str
    digest: bytes

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]], encoder: str) -> TextEmbedding:
        """Take it from a model's tensors."""
        from interplay_bench.metrics.match_score.encoding import Centring

        centring = Centring(tensors["mean"], float(tensors["scale"][0]))
        digest = b"".join(tensors[name].tobytes() for name in ("projection", "mean", "scale")) + encoder.encode()
        return cls(tensors["projection"].astype("float32"), centring, encoder, digest)

    def __call__(self, item: Item) -> NDArray[np.float32]:
        """The item's embedding, (dim,), of length 1."""
        from interplay_bench.environment.progress import silent
        from interplay_bench.metrics.match_score.encoding import read_texts

        text = item_text(item.title, _values(item, TAGS), _values(item, GENRES))
        read = self.centring(read_texts([text], self._folder, silent))
        found: NDArray[np.float32] = unit(read @ self.projection)[0]
        return found

    @cached_property
    def _folder(self) -> Path:
        from interplay_bench.metrics.match_score.encoding import find_encoder

        return find_encoder(self.encoder).folder


def _values(item: Item, facets: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for facet in facets for value in item.attributes.get(facet, ()))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row scaled to length 1."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float32] = vectors / np.maximum(lengths, np.float32(1e-12))
    return found
