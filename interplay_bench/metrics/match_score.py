"""Match Score: how near what was recommended is to the target (paper, section 4.3).

The cosine of two items' embeddings, in [-1, 1]; higher is nearer. The embeddings come from a scorer (see
:mod:`interplay_bench.match_score`), whose identity stands in the signature. A turn without a recognisable item, or with
one that the scorer does not know, scores 0; turns whose target it does not know are left out. Raw cosines say little
alone, so three numbers stand beside the mean: how often both items are known, the mean over random pairs of items (the
floor, taken to be without error), and what is left above it, (score - floor) / (1 - floor).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogue import Item
from interplay_bench.errors import CheckpointError, UsageError
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.rates import rate
from interplay_bench.results import Score, signature

if TYPE_CHECKING:
    from interplay_bench.match_score.scorer import Scorer

NAMES = ("Match Score", "match coverage", "Match Score random", "Match Score corrected")
PAIRS = 10_000
"""How many random pairs the floor is taken over."""


@dataclass(frozen=True, slots=True)
class Match:
    """How near a turn came to its target: ``value``, and whether the scorer knew both sides."""

    value: float
    known: bool


def choose_scorer(wanted: str, dataset: str) -> Scorer | None:
    """The scorer that ``--set match_score`` means; ``None`` where it is ``off``, or ``auto`` and none is at hand."""
    if wanted == "off":
        return None
    from interplay_bench.match_score.scorer import Scorer, find_scorer

    if wanted != "auto":
        return Scorer.load(Path(wanted).expanduser())
    try:
        return find_scorer(dataset)
    except (UsageError, CheckpointError):
        return None


def match(scorer: Scorer, items: Sequence[Item], target: Item) -> Match | None:
    """Weigh ``items``, the mean over several, against ``target``; ``None`` where the scorer does not know it."""
    if scorer.similarity(target, target) is None:
        return None
    found = [scorer.similarity(item, target) for item in items]
    return Match(fmean(value or 0.0 for value in found) if found else 0.0, bool(found) and None not in found)


def match_scores(
    matches: Sequence[Match | None], users: Sequence[Hashable], scorer: Scorer | None, *, seed: int = 0, **parts: Any
) -> list[Score]:
    """Return the mean with its coverage, its floor, and what is left above the floor; without a scorer, no value."""
    if scorer is None:
        return [Score(NAMES[0], None, 0, signature("match-score", scorer="none", **parts), direction="higher")]
    judged = [(found.value, user) for found, user in zip(matches, users, strict=True) if found is not None]
    known = {"scorer": scorer.identity, "unnamed": 0, **parts}
    values, owners = [value for value, _ in judged], [user for _, user in judged]
    score = mean_score(NAMES[0], values, owners, direction="higher", metric="match-score", seed=seed, **known)
    both = sum(found is not None and found.known for found in matches)
    floor = scorer.random_pairs(PAIRS, seed)
    drawn = {"scorer": scorer.identity, "pairs": PAIRS, "seed": seed}
    return [
        score,
        rate(NAMES[1], both, len(matches), direction="higher", **known),
        Score(NAMES[2], floor, PAIRS, signature("match-score-random", **drawn)),
        _corrected(score, floor, seed),
    ]


def _corrected(score: Score, floor: float, seed: int) -> Score:
    value, low, high = (None if v is None else (v - floor) / (1 - floor) for v in (score.value, score.low, score.high))
    rest = score.signature.partition("|")[2]
    described = f"{signature('match-score-corrected', pairs=PAIRS, seed=seed)}|{rest}"
    return replace(score, name=NAMES[3], value=value, low=low, high=high, signature=described)
