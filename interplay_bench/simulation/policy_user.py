"""A user that only decides, made to speak in fixed words, so that control policies can hold a conversation."""

from __future__ import annotations

from collections.abc import Sequence

from interplay_bench.dialogues.dialogue import Action, Role, Turn, View
from interplay_bench.dialogues.markup import render
from interplay_bench.simulators.adapter import Decision, Reply, UserSimulator, Verdict, one_each

ACCEPT, REJECT, WISH = "That sounds right, I'll take it.", "No, not that one.", "I'm looking for something new."


class PolicyUser(UserSimulator):
    """Says what ``policy`` decides; where nothing was recommended, the persona's wish."""

    def __init__(self, policy: UserSimulator) -> None:
        self.policy = policy

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """As the policy does."""
        return self.policy.decide(views)

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Put the policy's decision into words."""
        asked = [view for view in views if _asked(view)]
        decisions = iter(one_each(self.policy.decide, asked, Decision))
        return [_reply(_words(next(decisions)) if _asked(view) else _wish(view)) for view in views]


def speaks(model: UserSimulator) -> bool:
    """Whether ``model`` writes replies of its own."""
    return type(model).respond is not UserSimulator.respond


def _asked(view: View) -> bool:
    return bool(view.turns) and bool(view.turns[-1].recommended)


def _words(decision: Decision) -> Turn:
    if decision.verdict is Verdict.ACCEPT:
        return Turn(Role.USER, Action.ACCEPT, ACCEPT)
    return Turn(Role.USER, Action.FEEDBACK, REJECT)


def _wish(view: View) -> Turn:
    return Turn(Role.USER, Action.DISCLOSE_GOAL, view.persona.target_attributes or WISH)


def _reply(turn: Turn) -> Reply:
    return Reply(turn, render(turn))
