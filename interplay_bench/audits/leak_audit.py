"""Proof that a simulator is reference-free: look for the target's title in every prompt that it would read.

The turns may name the target, once the dialogue itself has brought it up; persona, history and attributes never may.
The history names other items, which may share words with the target: their own names are left out of the search, unless
they are the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from interplay_bench.dialogues.dialogue import Dialogue, Item, Role, View
from interplay_bench.dialogues.markup import neutral
from interplay_bench.dialogues.prompt import Channel
from interplay_bench.items.title_leak import LeakKind, leak
from interplay_bench.items.title_recognition import same
from interplay_bench.simulators.adapter import Adapter

FORBIDDEN = (Channel.INSTRUCTIONS, Channel.PERSONA, Channel.HISTORY, Channel.ATTRIBUTES)
"""Where a target's title is a leak, whatever the dialogue says."""
UNNAMED = "…"
"""What stands for another item's name when the history is searched."""


@dataclass(slots=True)
class ChannelReport:
    """One channel of all prompts: how many carry it, and in how many the target was found, by kind of match.

    ``unprompted``: of those, how many before the dialogue itself named the target.
    """

    channel: Channel
    prompts: int = 0
    found: dict[LeakKind, int] = field(default_factory=lambda: dict.fromkeys(LeakKind, 0))
    unprompted: int = 0
    example: str | None = None

    @property
    def leaks(self) -> int:
        """Prompts with the target in this channel."""
        return sum(self.found.values())


def audit_leaks(model: Adapter, dialogues: Sequence[Dialogue]) -> list[ChannelReport]:
    """Render every prompt that ``model`` would read over ``dialogues``, in each of its roles, and search each part."""
    reports = {channel: ChannelReport(channel) for channel in Channel}
    for dialogue in dialogues:
        if dialogue.target is None:
            continue
        found: dict[str, LeakKind | None] = {}
        for view in views(model, dialogue):
            named = any(dialogue.target in turn.items for turn in view.turns)
            for prompt in model.prompts([view]):
                texts: dict[Channel, list[str]] = {}
                for message in prompt.messages:
                    for part in message.parts:
                        texts.setdefault(part.channel, []).append(part.text)
                for channel, parts in texts.items():
                    if channel is Channel.HISTORY:
                        parts = [_without_others(part, view, dialogue.target) for part in parts]
                    kinds = [_leak(dialogue.target, part, found) for part in parts]
                    _count(reports[channel], dialogue, parts, kinds, named)
    return list(reports.values())


def views(model: Adapter, dialogue: Dialogue) -> Iterator[View]:
    """Every point of ``dialogue`` at which ``model`` could be asked: before each turn of its roles, after each
    recommendation."""
    points = {(turn.role, index) for index, turn in enumerate(dialogue.turns) if turn.role in model.roles}
    if Role.USER in model.roles:
        points |= {(Role.USER, index + 1) for index in dialogue.proposals()}
    for role, upto in sorted(points, key=lambda point: point[1]):
        yield dialogue.view(role, upto)


def _without_others(text: str, view: View, target: Item) -> str:
    """``text`` without the names of the seen items that are not the target."""
    others = (seen.item for seen in view.persona.history if not same(seen.item, target))
    for item in sorted(others, key=lambda other: -len(other.name)):
        text = text.replace(neutral(item.name), UNNAMED)
    return text


def _leak(target: Item, text: str, known: dict[str, LeakKind | None]) -> LeakKind | None:
    """Search each text of a dialogue once: its prompts repeat the same parts."""
    if text not in known:
        known[text] = leak(target, text)
    return known[text]


def _count(
    report: ChannelReport, dialogue: Dialogue, parts: Sequence[str], kinds: Sequence[LeakKind | None], named: bool
) -> None:
    report.prompts += 1
    hits = [(kind, part) for kind, part in zip(kinds, parts, strict=True) if kind is not None]
    if not hits:
        return
    kind, part = min(hits, key=lambda hit: list(LeakKind).index(hit[0]))
    report.found[kind] += 1
    report.unprompted += not named
    if report.example is None:
        report.example = f"{dialogue.id}: {part.strip()[:160]}"
