"""A simulated dialogue as plain text, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from interplay_bench import transcript as replays
from interplay_bench.errors import UsageError
from interplay_bench.interplay.episode import Episode
from interplay_bench.interplay.note import Note
from interplay_bench.run import Run
from interplay_bench.transcript import printable


def transcripts(run: Run, outcome: str | None = None) -> Iterator[str]:
    """One text per dialogue of any run, simulated or replayed; only those with ``outcome`` where it is given."""
    if run.record["task"]["name"] != "interplay":
        yield from replays.transcripts(run, outcome)
        return
    episodes = [Episode.of(sample) for sample in run.samples()]
    known = sorted({str(episode.end) for episode in episodes})
    if outcome is not None and outcome not in known:
        raise UsageError(f"No dialogue of this run has the outcome {outcome!r}. There are: {', '.join(known)}.")
    told = run.record["model"]["knows_target"]
    yield from (transcript(episode, told) for episode in episodes if outcome in (None, str(episode.end)))


def transcript(episode: Episode, told: bool = False) -> str:
    """The persona, the turns with their actions, and what there was to note; ``told``: the user knew the target."""
    dialogue = episode.dialogue
    target = "none" if dialogue.target is None else dialogue.target.name
    known = ", which the user was told" if told else ""
    lines = [f"── {dialogue.id} · {episode.end} after {len(dialogue.turns)} turns · target: {target}{known}"]
    persona = dialogue.persona
    lines += [f"   likes: {' '.join(persona.general_preferences.split())}"] if persona.general_preferences else []
    lines += [f"   has seen: {', '.join(seen.item.name for seen in persona.history)}"] if persona.history else []
    lines += [f"   wants: {' '.join(persona.target_attributes.split())}"] if persona.target_attributes else []
    for index, (turn, note) in enumerate(zip(dialogue.turns, episode.notes, strict=True)):
        marks = f" → {', '.join(item.name for item in turn.recommended)}" if turn.recommended else ""
        script = " (script)" if turn.scripted else ""
        lines.append(f"{index:3} {turn.role} [{turn.action}]{script}{marks}: {turn.text}")
        lines += [f"      ▸ {remark}" for remark in remarks(note)]
    if episode.accepted:
        agreement = "" if episode.agreement is None else f" (agreement with the target {episode.agreement:.2f})"
        lines.append(f"   took {', '.join(item.name for item in episode.accepted)}{agreement}")
    return printable("\n".join(lines))


def remarks(note: Note) -> list[str]:
    """A note in words."""
    found = []
    if note.verdict is not None:
        found.append(note.verdict + ("" if note.probability is None else f", P(accept) = {note.probability:.3f}"))
    found += [f"malformed ({note.malformed}): {note.raw}"] if note.malformed else []
    found += [f"confused: {note.confusion}"] if note.confusion else []
    found += [note.contradiction] if note.contradiction else []
    found += [f"not in the catalogue: {', '.join(note.unknown)}"] if note.unknown else []
    found += [f"recommended again: {', '.join(note.repeated)}"] if note.repeated else []
    return found
