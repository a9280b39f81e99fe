"""What happened to one dialogue of a run, and the ledger of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BACKEND_ERROR = "backend_error"
"""The outcome of a dialogue that the model's backend would not answer."""
NOT_ASKED = frozenset({"no_target", "never_proposed", "no_user_turn", "no_recommender_turn"})
"""Outcomes of dialogues in which there was nothing to ask the model."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What happened to one dialogue.

    ``outcome`` is its one place in the ledger. ``counts`` are tallied beside it (decisions by verdict, malformed
    replies). ``detail`` holds what the scores are computed from: JSON values, no times.
    """

    dialogue: str
    user: str
    outcome: str
    counts: Mapping[str, int] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``samples.jsonl``."""
        return {name: getattr(self, name) for name in self.__slots__}


def tally(samples: Sequence[Sample]) -> dict[str, Any]:
    """The ledger: every dialogue in exactly one outcome, and the sums of all other counts."""
    outcomes = Counter(sample.outcome for sample in samples)
    counts: Counter[str] = Counter()
    for sample in samples:
        counts.update(sample.counts)
    return {
        "dialogues": len(samples),
        "outcomes": dict(sorted(outcomes.items())),
        "counts": dict(sorted(counts.items())),
    }
