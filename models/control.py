"""Control policies: what knowing nothing, or everything, scores. Every table shows them beside the models."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

from interplay_bench.adapter import Decision, UserSimulator, Verdict
from interplay_bench.card import ModelCard
from interplay_bench.dataset import canonical, turn_record
from interplay_bench.dialogue import OracleView, View
from interplay_bench.errors import UsageError
from interplay_bench.registry import adapter


class Policy(UserSimulator):
    """A user who decides by a rule and says nothing."""

    window = 1000

    @abstractmethod
    def accepts(self, view: View) -> bool:
        """Whether the recommendation in the view's last turn is taken."""

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Apply the rule to each view."""
        return [Decision(Verdict.ACCEPT if self.accepts(view) else Verdict.REJECT) for view in views]


def proposals(view: View) -> int:
    """How many turns so far recommended something new."""
    return sum(1 for turn in view.turns if turn.recommended)


@adapter("accept-first")
class AcceptFirst(Policy):
    """Control: takes the first recommendation."""

    def accepts(self, view: View) -> bool:
        """Always."""
        return True


@adapter("never-accept")
class NeverAccept(Policy):
    """Control: takes no recommendation."""

    def accepts(self, view: View) -> bool:
        """Never."""
        return False


@adapter("accept-at")
class AcceptAt(Policy):
    """Control: takes the K-th turn that recommends, whatever it is (accept-at:K)."""

    def __init__(self, position: int) -> None:
        self.position = position

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Read ``K`` from ``accept-at:K``: an integer of at least 1."""
        if argument is None or not argument.isdecimal() or int(argument) < 1:
            raise UsageError(f"accept-at needs a position of at least 1, as in accept-at:3, not {argument!r}.")
        return cls(int(argument))

    def accepts(self, view: View) -> bool:
        """At the K-th recommending turn."""
        return proposals(view) == self.position


@adapter("random")
class Random(Policy):
    """Control: takes each recommendation with probability P (random:P)."""

    def __init__(self, probability: float, seed: int) -> None:
        self.probability = probability
        self.seed = seed

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Read ``P`` from ``random:P``: a number in [0, 1]."""
        try:
            probability = float(argument or "")
        except ValueError:
            probability = -1.0
        if not 0 <= probability <= 1:
            raise UsageError(f"random needs a probability from 0 to 1, as in random:0.3, not {argument!r}.")
        return cls(probability, seed)

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Apply the rule, and say how likely it was to accept."""
        return [Decision(decision.verdict, self.probability) for decision in super().decide(views)]

    def accepts(self, view: View) -> bool:
        """By a draw that depends on the seed and the view alone, so that batches and resumption change nothing."""
        known = canonical({"seed": self.seed, "turns": [turn_record(turn) for turn in view.turns]})
        known += canonical({"likes": view.persona.general_preferences, "wants": view.persona.target_attributes})
        draw = int.from_bytes(hashlib.sha256(known.encode()).digest()[:8]) / 2**64
        return draw < self.probability


@adapter("oracle")
class Oracle(Policy):
    """Control: is told the target and takes it (the one model that knows)."""

    knows_target = True

    def accepts(self, view: View) -> bool:
        """When the target is among what was just recommended."""
        return isinstance(view, OracleView) and view.target in view.turns[-1].recommended
