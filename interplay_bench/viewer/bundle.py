"""What the page shows: runs and their dialogues as plain JSON values, simulated and replayed alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from interplay_bench.dialogue import Dialogue, Role, Turn
from interplay_bench.errors import RunError, UsageError
from interplay_bench.interplay.episode import Episode
from interplay_bench.interplay.transcript import remarks
from interplay_bench.run import Run
from interplay_bench.runner import load
from interplay_bench.task import Sample

Json = dict[str, Any]


def bundle(runs: Iterable[Run], outcome: str | None = None, limit: int | None = None) -> Json:
    """The page's data: ``runs``, and ``dialogues`` in order of the runs, each with the number of its ``run``."""
    described, dialogues = [], []
    for number, run in enumerate(runs):
        described.append(_run(run))
        found = (entry for entry in entries(run) if outcome in (None, entry["outcome"]))
        dialogues += [{"run": number, **entry} for entry in islice(found, limit)]
    if not dialogues:
        among = f" with the outcome {outcome!r}" if outcome else ""
        raise UsageError(f"These runs have no dialogue{among} to show.")
    return {"runs": described, "dialogues": dialogues}


def entries(run: Run) -> Iterator[Json]:
    """The dialogues of one run."""
    if run.record["task"]["name"] == "interplay":
        for sample in run.samples():
            yield _simulated(Episode.of(sample))
        return
    request = run.record["request"]
    source = load(request["dataset"], request["data"], request["split"])
    if source.fingerprint != run.record["dataset"]["fingerprint"]:
        raise RunError("The data set has changed since this run: its fingerprint differs.")
    dialogues = {dialogue.id: dialogue for dialogue in source.dialogues}
    for sample in run.samples():
        yield _replayed(sample, dialogues[sample.dialogue])


def _run(run: Run) -> Json:
    record = run.record
    partner = record.get("recommender", {})
    told = record["model"]["knows_target"] or partner.get("knows_target", False)
    other = partner.get("name") or record["task"]["options"].get("recommender", "")
    simulated = record["task"]["name"] == "interplay"
    return {
        "name": f"{record['model']['name']} × {other}" if simulated else record["model"]["name"],
        "told": told,
        "task": record["task"]["name"],
        "data": f"{record['dataset']['name']}/{record['dataset']['split']}",
        "synthetic": record["dataset"]["synthetic"],
    }


def _simulated(episode: Episode) -> Json:
    turns = []
    for turn, note in zip(episode.dialogue.turns, episode.notes, strict=True):
        shown = _turn(turn)
        if note.verdict is not None:
            shown["decision"] = _decision(note.verdict, note.probability)
        said = remarks(note)[note.verdict is not None :]
        turns.append({**shown, **({"notes": said} if said else {})})
    accepted = ", ".join(item.name for item in episode.accepted)
    return {**_dialogue(episode.dialogue, episode.dialogue.outcome, turns), **({"took": accepted} if accepted else {})}


def _replayed(sample: Sample, dialogue: Dialogue) -> Json:
    """The gold turns; a decision stands with the turn it answers, what a model wrote beside the turn it replaces."""
    turns = [_turn(turn) for turn in dialogue.turns]
    for decision in sample.detail.get("decisions", ()):
        shown = _decision(decision["verdict"], decision["probability"])
        turns[decision["turn"]]["decision"] = shown
        if "problem" in decision:
            turns[decision["turn"]].setdefault("notes", []).append(decision["problem"])
    for reply in sample.detail.get("replies", ()):
        turns[reply["turn"]]["reply"] = _reply(reply, f" (BERTScore {reply['bertscore']:.3f})")
    for reply in sample.detail.get("recommendations", ()):
        turns[reply["turn"]]["reply"] = _reply(reply)
        if said := _remarks(reply):
            turns[reply["turn"]]["notes"] = said
    heard = [turn for turn in turns if turn["role"] == Role.USER]
    for turn, text in zip(heard, sample.detail.get("said", ()), strict=False):
        if text != turn["text"]:
            turn["reply"] = {"action": "said instead", "text": text}
    return _dialogue(dialogue, sample.outcome, turns)


def _reply(reply: Mapping[str, Any], score: str = "") -> Json:
    return {"action": f"{reply['action'] or reply.get('problem')}{score}", "text": reply["text"]}


def _remarks(reply: Mapping[str, Any]) -> list[str]:
    """What there is to say of a recommendation; not whether it is the target, which is for the reader to uncover."""
    repeated = ["recommends what is no news"] if reply["repeated"] else []
    return [*repeated, *(f"made up: {title}" for title in reply["unknown"])]


def _dialogue(dialogue: Dialogue, outcome: str, turns: list[Json]) -> Json:
    persona = dialogue.persona
    return {
        "id": dialogue.id,
        "outcome": outcome,
        "target": "" if dialogue.target is None else dialogue.target.name,
        "likes": persona.general_preferences,
        "seen": [{"name": seen.item.name, "review": seen.review} for seen in persona.history],
        "wants": persona.target_attributes,
        "turns": turns,
    }


def _turn(turn: Turn) -> Json:
    """Only what is said is written: the page's size is mostly these."""
    shown: Json = {"role": str(turn.role), "action": str(turn.action), "text": turn.text}
    if turn.mentions:
        shown["marks"] = [[mention.start, mention.end] for mention in turn.mentions]
    if turn.recommended:
        shown["new"] = [item.name for item in turn.recommended]
    if turn.scripted:
        shown["script"] = True
    return shown


def _decision(verdict: str, probability: float | None) -> Mapping[str, object]:
    return {"verdict": verdict, "p": probability}
