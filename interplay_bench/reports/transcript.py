"""A run's dialogues as plain text: the turns, and what the model decided or wrote at each."""

from __future__ import annotations

from collections.abc import Iterator

from interplay_bench.environment.terminal import printable
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.sample_description import TurnDescription
from interplay_bench.reports.described_run import INSTEAD, DescribedSample, described


def transcripts(run: Run, outcome: str | None = None) -> Iterator[str]:
    """One text per dialogue, in order; only those with ``outcome`` where it is given."""
    told = run.record.model.knows_target
    yield from (_transcript(each, told) for each in described(run, outcome))


def _transcript(each: DescribedSample, told: bool) -> str:
    dialogue, description, simulated = each.dialogue, each.description, each.made
    target = "none" if dialogue.target is None else dialogue.target.name
    length = f" after {len(dialogue.turns)} turns" if simulated else ""
    known = ", which the user was told" if told else ""
    lines = [f"── {dialogue.id} · {each.sample.outcome}{length} · target: {target}{known}"]
    lines += _persona(each)
    for index, turn in enumerate(dialogue.turns):
        marks = f" → {', '.join(item.name for item in turn.recommended)}" if turn.recommended else ""
        script = " (script)" if simulated and turn.scripted else ""
        lines.append(f"{index:3} {turn.role} [{turn.action}]{script}{marks}: {turn.text}")
        at = description.turns.get(index)
        lines += [f"      ▸ {remark}" for remark in (_remarks(at) if at else ())]
    lines += [f"   {description.closing}"] if description.closing else []
    return printable("\n".join(lines))


def _persona(each: DescribedSample) -> list[str]:
    persona = each.dialogue.persona
    lines = []
    if each.made and persona.general_preferences:
        lines.append(f"   likes: {' '.join(persona.general_preferences.split())}")
    if each.made and persona.history:
        lines.append(f"   has seen: {', '.join(seen.item.name for seen in persona.history)}")
    if persona.target_attributes:
        lines.append(f"   wants: {' '.join(persona.target_attributes.split())}")
    return lines


def _remarks(turn: TurnDescription) -> list[str]:
    found = []
    if turn.verdict is not None:
        chance = "" if turn.probability is None else f", P(accept) = {turn.probability:.3f}"
        found.append(turn.verdict + chance)
    if turn.reply is not None:
        said = "; ".join(filter(None, (turn.reveals, *turn.remarks)))
        heading = INSTEAD if turn.action is None else f"model [{turn.action}]"
        found.append(f"{heading}: {turn.reply}{f' ({said})' if said else ''}")
        return found
    return [*found, *filter(None, (turn.reveals,)), *turn.remarks]
