"""Match Score: how near what was recommended is to the target (paper, section 4.3).

The cosine of two items' embeddings, in [-1, 1]; higher is nearer. The embeddings come from a scorer (see
:mod:`match_score`), whose identity stands in the signature. A turn without a recognisable item, or with
one that the scorer does not know, scores 0; turns whose target it does not know are left out. Raw cosines say little
alone, so three numbers stand beside the mean: how often both items are known, the mean over random pairs of items (the
floor, taken to be without error), and what is left above it, (score - floor) / (1 - floor).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.metrics.aggregation import Mean
from interplay_bench.metrics.paired_tests import Comparison
from interplay_bench.metrics.score import Direction, Score, signature

if TYPE_CHECKING:
    from interplay_bench.metrics.match_score.scorer import Scorer

NO_SCORER = "none"
"""What signatures say where there is no scorer."""
PAIRS = 10_000
"""How many random pairs the floor is taken over."""


@dataclass(frozen=True, slots=True)
class Match:
    """How near a turn came to its target: ``value``, and whether the scorer knew both sides."""

    value: float
    known: bool


def choose_scorer(wanted: str, data: DialogueSet) -> Scorer | None:
    """The scorer that ``--set match_score`` means; ``None`` where it is ``off``, or ``auto`` and none fits the data.

    One that is named and of another domain than the data's items is a :class:`UsageError`.
    """
    if wanted == "off":
        return None
    from interplay_bench.metrics.match_score.scorer import Scorer, find_scorer

    domains = {item.domain for item in data.items}
    if wanted != "auto":
        named = Scorer.load(typed_path(wanted))
        if domains and not domains & named.domains:
            knows, has = (", ".join(sorted(each)) for each in (named.domains, domains))
            raise UsageError(f"The scorer {wanted} is for {knows}, and the data is about {has}: choose another.")
        return named
    try:
        found = find_scorer(data.name)
    except (UsageError, CheckpointError):
        return None
    return found if domains & found.domains else None


def match(scorer: Scorer, items: Sequence[Item], target: Item) -> Match | None:
    """Weigh ``items``, the mean over several, against ``target``; ``None`` where the scorer does not know it."""
    if scorer.similarity(target, target) is None:
        return None
    found = [scorer.similarity(item, target) for item in items]
    return Match(fmean(value or 0.0 for value in found) if found else 0.0, bool(found) and None not in found)


_MEAN = Mean("match-score")


@dataclass(frozen=True, slots=True)
class MatchMean:
    """The mean over turns whose target the scorer knows; without a scorer, no value."""

    def score(
        self,
        name: str,
        values: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Average, by a bootstrap over clusters."""
        if parts.get("scorer") == NO_SCORER:
            return Score(name, None, 0, signature("match-score", **parts), direction=direction)
        return _MEAN.score(name, values, clusters, direction=direction, seed=seed, **parts)

    def compare(self, a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]) -> Comparison:
        """By a paired bootstrap."""
        return _MEAN.compare(a, b, clusters)


@dataclass(frozen=True, slots=True)
class MatchFloor:
    """The mean over random pairs of the scorer's items, taken to be without error."""

    scorer: Scorer

    def score(
        self,
        name: str,
        values: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Draw the pairs."""
        described = signature("match-score-random", scorer=self.scorer.identity, pairs=PAIRS, seed=seed)
        return Score(name, self.scorer.random_pairs(PAIRS, seed), PAIRS, described, direction=direction)

    def compare(self, a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]) -> None:
        """The floor is the scorer's: two runs have the same."""
        return None


@dataclass(frozen=True, slots=True)
class MatchCorrected:
    """What of the mean is left above the floor: (score - floor) / (1 - floor)."""

    scorer: Scorer

    def score(
        self,
        name: str,
        values: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score:
        """Rescale the mean and its interval."""
        mean = MatchMean().score(name, values, clusters, direction=direction, seed=seed, **parts)
        floor = self.scorer.random_pairs(PAIRS, seed)
        value, low, high = (None if v is None else (v - floor) / (1 - floor) for v in (mean.value, mean.low, mean.high))
        rest = mean.signature.partition("|")[2]
        described = f"{signature('match-score-corrected', pairs=PAIRS, seed=seed)}|{rest}"
        return replace(mean, value=value, low=low, high=high, signature=described)

    def compare(self, a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]) -> None:
        """The mean is compared; this is the same on another scale."""
        return None
