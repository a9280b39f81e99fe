"""n-gram specificity: how many different n-grams one user says in one dialogue.

Range [0, inf), higher is more specific. All of the user's turns of a dialogue are joined, and the unique n-grams of
the whole are counted; the score is the mean over dialogues. Ambiguities: long-winded users score high whatever they
say, so read it beside the number of words; PEARL's tokenizer is not said, ours is ``word-v1`` of
:mod:`interplay_bench.metrics.distinct`, on which its numbers (2-grams: ReDial 65.44, INSPIRED 119.56, PEARL 141.79)
cannot be expected to the digit. n-grams span the user's turns, as joining implies.

Kim, M. et al. (2024). Pearl: A review-driven persona-knowledge grounded conversational recommendation dataset.
Findings of ACL, section 4.1, Table 3.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from interplay_bench.metrics.distinct import word_v1
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.score import Score

SPECIFICITY: dict[str, Any] = {"level": "dialogue", "tok": "word-v1", "case": "lower", "version": 1}
"""What the signature says."""


def unique_ngrams(texts: Sequence[str], n: int) -> int:
    """Return how many different n-grams the joined ``texts`` hold."""
    tokens = word_v1(" ".join(texts))
    return len({tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)})


def specificity(
    dialogues: Sequence[Sequence[str]], n: int = 2, clusters: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Score:
    """Return the mean number of unique n-grams; ``dialogues``: one side's texts of each, ``clusters``: its user."""
    if n < 1:
        raise ValueError(f"n must be at least 1, but is {n}")
    counts = [unique_ngrams(texts, n) for texts in dialogues]
    return mean_score(f"specificity-{n}", counts, clusters, direction="higher", seed=seed, **SPECIFICITY)
