"""What a decision should be, and how much it weighs: the label of the token that answers a recommendation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from interplay_bench.dialogues.dialogue import Action, Dialogue

Kind = Literal["labels", "target", "likes", "agreed", "distractor"]


@dataclass(frozen=True, slots=True)
class DecisionLabels:
    """Labels decisions by ``kind``, as :class:`~interplay_bench.training.training_recipe.TrainingRecipe` says.

    With ``distractor``, the dialogue's target is one, to be turned down, and nothing else is learnt.

    ``weight``: that of a decision; with ``likes`` and ``agreed``, of a decision that the data says nothing about 0, and
    of an acceptance and a rejection ``accepted`` and ``rejected`` times as much. With ``agreed``, a decision that the
    words of its turn contradict weighs 0, too.
    """

    kind: Kind = "labels"
    weight: float = 1.0
    accepted: float = 1.0
    rejected: float = 1.0

    @classmethod
    def balanced(cls, kind: Kind, weight: float, dialogues: Iterable[Dialogue]) -> DecisionLabels:
        """With ``likes`` or ``agreed``, acceptances and rejections weigh the same in all, and 1 on average."""
        if kind not in ("likes", "agreed"):
            return cls(kind, weight)
        opinions = cls(kind)
        counts = Counter(opinions._opinion(dialogue, index) for dialogue in dialogues for index in dialogue.proposals())
        known = counts[True] + counts[False]
        shares = [known / (2 * counts[opinion]) if counts[opinion] else 0.0 for opinion in (True, False)]
        return cls(kind, weight, *shares)

    def _opinion(self, dialogue: Dialogue, proposal: int) -> bool | None:
        """What the person thought of a proposal; with ``agreed``, only where the answer's words say the same."""
        opinion = dialogue.opinion(proposal)
        if self.kind != "agreed":
            return opinion
        answer = dialogue.turns[proposal + 1] if proposal + 1 < len(dialogue.turns) else None
        return opinion if answer is not None and opinion is (answer.action is Action.ACCEPT) else None

    def of(self, dialogue: Dialogue, proposal: int) -> tuple[Action | None, float]:
        """The action that answers the turn ``proposal``, ``None`` for the one that was written, and its weight."""
        if self.kind == "labels":
            return None, self.weight
        targeted = dialogue.target in dialogue.turns[proposal].recommended
        if self.kind == "target":
            return (Action.ACCEPT if targeted else Action.FEEDBACK), self.weight
        if self.kind == "distractor":
            return Action.FEEDBACK, self.weight * targeted
        opinion = self._opinion(dialogue, proposal)
        if opinion is None:
            return None, 0.0
        if opinion:
            return Action.ACCEPT, self.weight * self.accepted
        return Action.FEEDBACK, self.weight * self.rejected


AS_WRITTEN = DecisionLabels()
"""Decisions as the turns have them, with the weight of any other token: eq. 1."""
