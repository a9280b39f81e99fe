"""Inter-dialogue similarity: how alike the users of two arbitrary dialogues sound.

Range [-1, 1], lower is more diverse. All of the user's turns of a dialogue are joined and embedded; the score is the
mean cosine over all pairs of dialogues, computed exactly (the squared norm of the summed unit vectors holds every
pair). Ambiguity: PEARL says "semantic similarity" and no encoder, and its 0.1900 is only comparable under the same
one. Ours is MiniLM (all-MiniLM-L6-v2, mean over tokens), the first 256 tokens of a text; it stands in the signature.
The interval is the delete-one-dialogue jackknife's. A dialogue whose user said nothing is left out.

Kim, M. et al. (2024). Pearl: A review-driven persona-knowledge grounded conversational recommendation dataset.
Findings of ACL, section 4.1, Table 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any

from interplay_bench.environment.errors import CheckpointError
from interplay_bench.metrics.bertscore import SMALL, choose_encoder
from interplay_bench.metrics.distinct import Z
from interplay_bench.metrics.score import Score, signature

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

VERSION = 1
LONGEST = 256
"""Tokens of a text that the encoder was trained to read."""
_BATCH = 16


def similarity(dialogues: Sequence[Sequence[str]], model: str = SMALL) -> Score | None:
    """Return the mean similarity of all pairs of ``dialogues`` (one side's texts of each).

    ``None`` where the encoder ``model`` is unavailable: the metric is then left out.
    """
    texts = [text for text in (" ".join(said).strip() for said in dialogues) if text]
    sig = signature("similarity", pairs="all", encoder=model, pooling="mean", tokens=LONGEST, n=len(texts),
                    interval="jackknife-sample-95", version=VERSION)  # fmt: skip
    if len(texts) < 2:
        return Score("similarity", None, len(texts), sig, direction="lower")
    try:
        vectors = embed(texts, model)
    except CheckpointError:
        return None
    value, low, high = mean_cosine(vectors)
    return Score("similarity", value, len(texts), sig, low, high, direction="lower")


def mean_cosine(vectors: Array) -> tuple[float, float | None, float | None]:
    """Return the mean cosine of all pairs of unit ``vectors`` with its 95% interval; of two there is none."""
    n = len(vectors)
    total = vectors.sum(axis=0)
    value = float(total @ total - n) / (n * (n - 1))
    if n < 3:
        return value, None, None
    rest = total - vectors
    without = ((rest * rest).sum(axis=1) - (n - 1)) / ((n - 1) * (n - 2))
    half = Z * sqrt(float(((without - without.mean()) ** 2).sum()) * (n - 1) / n)
    return value, max(-1.0, value - half), min(1.0, value + half)


def embed(texts: Sequence[str], model: str = SMALL) -> Array:
    """Return a unit vector per text. Texts are read in order of length, so that little is padded."""
    import numpy as np
    import torch

    tokenizer, encoder = _load(model)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = np.empty((len(texts), encoder.config.hidden_size))
    with torch.inference_mode():
        for rows in (order[i : i + _BATCH] for i in range(0, len(order), _BATCH)):
            batch = [texts[row] for row in rows]
            inputs = tokenizer(batch, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
            mask = inputs["attention_mask"].unsqueeze(-1)
            states = encoder(**inputs)[0] * mask
            found[rows] = torch.nn.functional.normalize(states.sum(dim=1) / mask.sum(dim=1), dim=-1).numpy()
    vectors: Array = found / np.linalg.norm(found, axis=1, keepdims=True)
    return vectors


@cache
def _load(model: str) -> tuple[Any, Any]:
    """The tokenizer and the encoder, loaded once."""
    from interplay_bench.engines.pretrained.opening import open_encoder, open_tokenizer

    folder = choose_encoder(model).folder
    return open_tokenizer(folder), open_encoder(folder, dtype="float32")
