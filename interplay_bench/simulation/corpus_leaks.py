"""The leak audit of a simulated corpus: every prompt that either side read, searched for the target's title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interplay_bench.audits.leak_audit import audit_leaks
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.dialogues.prompt import Channel
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulators.model_spec import Model

AUDITED = 200
"""How many dialogues are searched, from the first; those without a target prove nothing and are left out."""


def leakage(models: tuple[Model, Model], episodes: Sequence[Episode], limit: int = AUDITED) -> dict[str, Any]:
    """By side: how many prompts were searched, and what was found, channel by channel.

    ``leaks``: finds anywhere but in the turns. What stands in the turns was said by the two sides themselves, so it
    is the dialogue that brought it up (``unnamed``: in how many prompts without that the catalogue knew it, as titles
    that are ordinary words are found in ordinary sentences). A side that is told the target by design is not searched.
    """
    dialogues = [episode.dialogue for episode in episodes if episode.dialogue.target is not None][:limit]
    sides = zip(("user", "recommender"), models, strict=True)
    return {"dialogues": len(dialogues), **{side: _audit(model, dialogues) for side, model in sides}}


def _audit(model: Model, dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    if model.adapter.knows_target:
        return {"told": True}
    reports = [report for report in audit_leaks(model.adapter, dialogues) if report.prompts]
    channels = {
        str(report.channel): {
            "prompts": report.prompts,
            "found": report.leaks,
            "unnamed": report.unprompted,
            **({"example": report.example} if report.leaks else {}),
        }
        for report in reports
    }
    leaks = sum(report.leaks for report in reports if report.channel is not Channel.TURNS)
    return {
        "told": False,
        "prompts": max((r.prompts for r in reports), default=0),
        "leaks": leaks,
        "channels": channels,
    }
