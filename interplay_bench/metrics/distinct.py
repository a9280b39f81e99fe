"""Dist-n: how many of the n-grams that were said are different ones.

Range (0, 1] as the paper has it (unique / all n-grams of the whole corpus), higher is more diverse. Ambiguities that
share the name, kept apart by the signature:

- The denominator. ``unicrs`` and ``crslab`` divide by the number of non-empty responses, and exceed 1.
- The token. Ours is ``word-v1``: lower-cased and in Unicode's composed form (NFC); a word is a run of letters, digits
  and underscores, each with the marks that combine with it, and with its inner apostrophes ("don't", straight or curly,
  is one); every other visible character is a token of its own. ``unicrs`` splits at white space and ``crslab`` takes
  characters; both keep the case.
- ``whole`` takes each text as one token: with n = 1, the share of different texts, as of recommended titles.
- The number of responses. Dist-n falls as the corpus grows, so ``n`` stands in the signature, and models are compared
  at equal size (:func:`distinct_at`).

No n-gram spans two responses. A bootstrap with replacement repeats responses, which alone lowers Dist-n; the interval
is therefore the delete-one-cluster jackknife's, exact and without a seed. Its variance errs on the wide side (Efron and
Stein 1981).

Li, J. et al. (2016). A diversity-promoting objective function for neural conversation models. NAACL.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Literal

from interplay_bench.dialogues.unicode_text import composed, marks
from interplay_bench.environment.errors import unknown_name
from interplay_bench.metrics.score import Score, signature

VERSION = 1
Z = 1.959963984540054
_ASCII_WORD = re.compile(r"\w+(?:'\w+)*|[^\w\s]", re.ASCII)


def word_v1(text: str) -> list[str]:
    """Split into words and marks, lower-cased: ``"Don't go!"`` is ``["don't", "go", "!"]``."""
    lowered = composed(text.lower()).replace("\u2019", "'")
    return (_ASCII_WORD if lowered.isascii() else _any_word()).findall(lowered)


@lru_cache(maxsize=1)
def _any_word() -> re.Pattern[str]:
    more = rf"[\w{marks()}]"
    return re.compile(rf"\w{more}*(?:'{more}+)*|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Definition:
    """One of the metrics called Dist-n."""

    denominator: Literal["ngrams", "responses"]
    tokenizer: str
    case: Literal["lower", "kept"]
    tokens: Callable[[str], Sequence[str]]


DEFINITIONS = {
    "paper": Definition("ngrams", "word-v1", "lower", word_v1),
    "unicrs": Definition("responses", "whitespace", "kept", str.split),
    "crslab": Definition("responses", "char", "kept", str),
    "whole": Definition("ngrams", "text", "kept", lambda text: [text]),
}


def distinct(
    texts: Sequence[str], n: int = 4, clusters: Sequence[Hashable] | None = None, *, definition: str = "paper"
) -> Score:
    """Return Dist-n of the corpus; ``clusters``: the dialogue or user of each text, for the interval.

    ``count`` and ``total`` are the numerator and the denominator; without a denominator there is no value.
    """
    how = _definition(definition)
    unique, total, without = _jackknife(texts, n, clusters, how)
    low = high = None
    rounds = [ratio for ratio in without if ratio is not None]
    if len(rounds) > 1:
        half = Z * _standard_error(rounds)
        ceiling = 1.0 if how.denominator == "ngrams" else float("inf")
        low, high = max(0.0, unique / total - half), min(ceiling, unique / total + half)
    value = unique / total if total else None
    unit = "sample" if clusters is None else "cluster"
    sig = _signature(f"dist-{n}", how, n=len(texts), interval=f"jackknife-{unit}-95")
    return Score(f"Dist-{n}", value, len(texts), sig, low, high, unique, total, "higher")


def distinct_at(
    texts: Sequence[str], n: int, size: int, seed: int = 0, *, draws: int = 20, definition: str = "paper"
) -> Score:
    """Return Dist-n at ``size`` responses: the mean over ``draws`` seeded subsamples without replacement.

    For comparing corpora of different sizes. It has no interval: subsamples of one corpus overlap, so their spread is
    not the sampling error.
    """
    how = _definition(definition)
    if not 0 < size <= len(texts):
        raise ValueError(f"size must lie between 1 and the {len(texts)} texts, but is {size}")
    rng = random.Random(seed)
    grams = [_grams(text, n, how) for text in texts]
    ratios = []
    for _ in range(1 if size == len(texts) else draws):
        chosen = rng.sample(grams, size)
        total = sum(weight for _, weight in chosen)
        if total:
            ratios.append(len(set().union(*(seen for seen, _ in chosen))) / total)
    value = sum(ratios) / len(ratios) if ratios else None
    sig = _signature(f"dist-{n}@{size}", how, draws=draws, seed=seed)
    return Score(f"Dist-{n}@{size}", value, size, sig, direction="higher")


def distinct_difference(
    a: Sequence[str],
    b: Sequence[str],
    n: int = 4,
    clusters: Sequence[Hashable] | None = None,
    *,
    definition: str = "paper",
) -> tuple[float, float | None] | None:
    """Return Dist-n of ``b`` minus that of ``a``, and its standard error; text by text they answer the same contexts.

    Both lose the same cluster in each round of the jackknife. There is nothing to compare (``None``) where either has
    no n-gram at all, and no error of fewer than two clusters.
    """
    if len(a) != len(b):
        raise ValueError(f"texts come in pairs, but there are {len(a)} and {len(b)}")
    how = _definition(definition)
    unique_a, total_a, without_a = _jackknife(a, n, clusters, how)
    unique_b, total_b, without_b = _jackknife(b, n, clusters, how)
    if not total_a or not total_b:
        return None
    rounds = [y - x for x, y in zip(without_a, without_b, strict=True) if x is not None and y is not None]
    effect = unique_b / total_b - unique_a / total_a
    return effect, _standard_error(rounds) if len(rounds) > 1 else None


def _grams(text: str, n: int, how: Definition) -> tuple[set[tuple[str, ...]], int]:
    """Return a text's different n-grams, and what it adds to the denominator."""
    tokens = how.tokens(text)
    grams = list(_ngrams(tokens, n))
    return set(grams), len(grams) if how.denominator == "ngrams" else int(len(tokens) > 0)


def _jackknife(
    texts: Sequence[str], n: int, clusters: Sequence[Hashable] | None, how: Definition
) -> tuple[int, int, list[float | None]]:
    """Return the unique n-grams, the denominator, and Dist-n without each cluster in turn (``None``: none is left).

    Leaving a cluster out loses the n-grams that only it has, so one pass over the corpus is enough.
    """
    keys: Sequence[Hashable] = range(len(texts)) if clusters is None else clusters
    if len(keys) != len(texts):
        raise ValueError(f"{len(texts)} texts, but {len(keys)} clusters")
    owner: dict[tuple[str, ...], Hashable] = {}
    shared = object()
    weights: dict[Hashable, int] = dict.fromkeys(keys, 0)
    for key, text in zip(keys, texts, strict=True):
        grams, weight = _grams(text, n, how)
        weights[key] += weight
        for gram in grams:
            if owner.setdefault(gram, key) != key:
                owner[gram] = shared
    own = dict.fromkeys(weights, 0)
    for key in owner.values():
        if key is not shared:
            own[key] += 1
    unique, total = len(owner), sum(weights.values())
    rest = ((unique - own[key], total - weight) for key, weight in weights.items())
    return unique, total, [left / size if size else None for left, size in rest]


def _standard_error(without: Sequence[float]) -> float:
    groups = len(without)
    mean = sum(without) / groups
    return sqrt((groups - 1) / groups * sum((value - mean) ** 2 for value in without))


def _ngrams(tokens: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    if n < 1:
        raise ValueError(f"n must be at least 1, but is {n}")
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def _definition(name: str) -> Definition:
    if name not in DEFINITIONS:
        raise unknown_name("definition of Dist-n", name, DEFINITIONS)
    return DEFINITIONS[name]


def _signature(metric: str, how: Definition, **parts: object) -> str:
    fixed = {"level": "corpus", "denom": how.denominator, "tok": how.tokenizer, "case": how.case}
    return signature(metric, **{**fixed, **parts, "version": VERSION})
