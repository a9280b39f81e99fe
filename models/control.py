"""Control policies: what knowing nothing, or everything, scores. Every table shows them beside the models."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from interplay_bench.dialogues.dialogue import OracleView, View
from interplay_bench.dialogues.dialogue_json import turn_record
from interplay_bench.dialogues.view_prompt import item_facts
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import UsageError
from interplay_bench.items.title_words import words
from interplay_bench.simulators.adapter import Decision, UserSimulator, Verdict, adapter
from interplay_bench.simulators.card import ModelCard


class Policy(UserSimulator):
    """A user who decides by a rule and says nothing."""

    control = True
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


def _share(argument: str | None, needed: str) -> float:
    """A control's number in [0, 1]; anything else is an error that begins with what is ``needed``."""
    try:
        share = float(argument or "")
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"{needed}, not {argument!r}.")
    return share


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

    example: ClassVar[str] = "3"

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

    example: ClassVar[str] = "0.3"

    def __init__(self, probability: float, seed: int) -> None:
        self.probability = probability
        self.seed = seed

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Read ``P`` from ``random:P``: a number in [0, 1]."""
        return cls(_share(argument, "random needs a probability from 0 to 1, as in random:0.3"), seed)

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


@adapter("fulfils")
class Fulfils(Policy):
    """Control: takes an item that has at least the share P of what is wished for (fulfils:P), whatever else is said.

    Counted are the wish's words of four letters or more, in the recommender's turn and in the item's facts.
    """

    example: ClassVar[str] = "0.5"

    def __init__(self, share: float) -> None:
        self.share = share

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Read ``P`` from ``fulfils:P``: a number in [0, 1]."""
        return cls(_share(argument, "fulfils needs a share from 0 to 1, as in fulfils:0.5"))

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Weigh each view's last turn; the probability is the share itself."""
        shares = [fulfilled(view) for view in views]
        return [Decision(Verdict.ACCEPT if share >= self.share else Verdict.REJECT, share) for share in shares]

    def accepts(self, view: View) -> bool:
        """Whether enough of the wish is fulfilled."""
        return fulfilled(view) >= self.share


def fulfilled(view: View) -> float:
    """The share of the wish's words that the last turn and the facts of one item in it have; in [0, 1]."""
    wished = _content(view.persona.target_attributes)
    turn = view.turns[-1]
    offered = [_content(turn.text) | _content(item_facts(item)) for item in turn.recommended]
    return max((len(wished & has) / len(wished) for has in offered), default=0.0) if wished else 0.0


def _content(text: str) -> set[str]:
    return {word.form for word in words(text) if len(word.form) > 3}
