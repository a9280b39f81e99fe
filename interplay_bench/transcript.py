"""A run's dialogues as plain text: the gold turns, and what the model decided or wrote at each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from interplay_bench.dataset import DialogueSet
from interplay_bench.dialogue import Dialogue, Role
from interplay_bench.errors import MissingDataError, RunError, UsageError
from interplay_bench.run import Run
from interplay_bench.runner import load
from interplay_bench.task import Sample


def transcripts(run: Run, outcome: str | None = None) -> Iterator[str]:
    """One text per dialogue that has a sample, in order; only those with ``outcome`` where it is given."""
    source = _source(run.record["request"])
    if source.fingerprint != run.record["dataset"]["fingerprint"]:
        raise RunError("The data set has changed since this run: its fingerprint differs.")
    samples = run.samples()
    if outcome is not None and outcome not in {sample.outcome for sample in samples}:
        known = ", ".join(sorted({sample.outcome for sample in samples}))
        raise UsageError(f"No dialogue of this run has the outcome {outcome!r}. There are: {known}.")
    for sample, dialogue in zip(samples, source.dialogues, strict=False):
        if outcome in (None, sample.outcome):
            yield _transcript(sample, dialogue)


def _source(request: Mapping[str, Any]) -> DialogueSet:
    """The dialogues that the run was about; a relative path is one from where it was run."""
    try:
        return load(request["dataset"], request["data"], request["split"])
    except MissingDataError as error:
        if request["data"] is None:
            raise
        raise RunError(
            f"The run's data set, {request['data']}, is not to be found from here: go to the folder that the run was "
            "started in."
        ) from error


def printable(text: str) -> str:
    """Return ``text`` without what could steer a terminal: escape sequences and other control characters."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf") or c == "\n" else "·" for c in text)


def _transcript(sample: Sample, dialogue: Dialogue) -> str:
    target = "none" if dialogue.target is None else dialogue.target.name
    lines = [f"── {dialogue.id} · {sample.outcome} · target: {target}"]
    lines += [f"   wants: {dialogue.persona.target_attributes}"] if dialogue.persona.target_attributes else []
    notes = _notes(sample.detail)
    heard = (index for index, turn in enumerate(dialogue.turns) if turn.role is Role.USER)
    for index, text in zip(heard, sample.detail.get("said", ()), strict=False):
        if text != dialogue.turns[index].text:
            notes.setdefault(index, []).append(f"said instead: {text}")
    for index, turn in enumerate(dialogue.turns):
        marks = f" → {', '.join(item.name for item in turn.recommended)}" if turn.recommended else ""
        lines.append(f"{index:3} {turn.role} [{turn.action}]{marks}: {turn.text}")
        lines += [f"      ▸ {note}" for note in notes.get(index, ())]
    return printable("\n".join(lines))


def _notes(detail: Mapping[str, Any]) -> dict[int, list[str]]:
    """What the model did, by the index of the turn that it answers or replaces."""
    notes: dict[int, list[str]] = {}
    for decision in detail.get("decisions", ()):
        chance = "" if decision["probability"] is None else f", P(accept) = {decision['probability']:.3f}"
        problem = f", {decision['problem']}" if "problem" in decision else ""
        notes.setdefault(decision["turn"], []).append(f"{decision['verdict']}{chance}{problem}")
    for reply in detail.get("replies", ()):
        notes.setdefault(reply["turn"], []).append(
            f"model [{reply['action'] or reply.get('problem')}]: {reply['text']} (BERTScore {reply['bertscore']:.3f})"
        )
    for reply in detail.get("recommendations", ()):
        verdict = "the target" if reply.get("hit") else "no news" if reply["repeated"] else ""
        invented = f"made up: {', '.join(reply['unknown'])}" if reply["unknown"] else ""
        remarks = "; ".join(filter(None, (verdict, invented)))
        notes.setdefault(reply["turn"], []).append(
            f"model [{reply['action'] or reply.get('problem')}]: {reply['text']}{f' ({remarks})' if remarks else ''}"
        )
    return notes
