"""The mean number of words in a response.

Range [0, inf); neither way is better: it tells how long-winded a model is. Ambiguity: what a word is. Here it is what
stands between white space, so that "well-known," is one and an emoji is one. An empty response has none and counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.score import Score

WORDS: dict[str, Any] = {"tok": "whitespace"}
"""What the signature says."""


def word_count(text: str) -> int:
    """How many words a response has."""
    return len(text.split())


def words(texts: Sequence[str], clusters: Sequence[Hashable] | None = None, *, seed: int = 0) -> Score:
    """Return the mean number of words; ``clusters`` (users, dialogues) widen its interval as they must."""
    return mean_score("words", list(map(word_count, texts)), clusters, direction=None, seed=seed, **WORDS)
