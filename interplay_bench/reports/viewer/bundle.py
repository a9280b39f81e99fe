"""What the page shows: runs and their dialogues as plain JSON values, simulated and replayed alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from interplay_bench.dialogues.dialogue import Action, Dialogue, Mention, Turn
from interplay_bench.environment.errors import InterplayError, UsageError
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.sample_description import TurnDescription
from interplay_bench.reports.described_run import INSTEAD, DescribedSample, described, source_of

Json = dict[str, Any]


def bundle(runs: Iterable[Run], outcome: str | None = None, limit: int | None = None) -> Json:
    """The page's data: ``runs``, and ``dialogues`` in order of the runs, each with the number of its ``run``."""
    described, dialogues = [], []
    for number, run in enumerate(runs):
        described.append(_run(run))
        dialogues += [{"run": number, **entry} for entry in islice(entries(run, outcome), limit)]
    if not dialogues:
        among = f" with the outcome {outcome!r}" if outcome else ""
        raise UsageError(f"These runs have no dialogue{among} to show.")
    return {"runs": described, "dialogues": dialogues}


def entries(run: Run, outcome: str | None = None) -> Iterator[Json]:
    """The dialogues of one run; beside a simulated one, the data set's own with the same persona, if it is at hand."""
    gold: Mapping[str, Dialogue] | None = None
    for each in described(run):
        if outcome in (None, each.sample.outcome):
            turns = [_described(turn, each.description.turns.get(i)) for i, turn in enumerate(each.dialogue.turns)]
            entry = _dialogue(each.dialogue, each.sample.outcome, turns)
            if each.description.closing:
                entry["closing"] = each.description.closing
            if taken := _taken(each):
                entry["taken"] = taken
            if each.made:
                gold = _gold(run) if gold is None else gold
                own = gold.get(each.dialogue.id)
                entry |= {"gold": [_turn(turn) for turn in own.turns]} if own and own.turns else {}
            yield entry


def _taken(each: DescribedSample) -> list[str]:
    """The items that the user took: decided for in a replay, accepted in a simulation."""
    turns = each.dialogue.turns
    decided = [i for i, at in each.description.turns.items() if at.verdict == "accept" and not each.made]
    said = [i - 1 for i, turn in enumerate(turns) if each.made and i and turn.action is Action.ACCEPT]
    return [item.name for i in decided or said for item in turns[i].recommended]


def _gold(run: Run) -> dict[str, Dialogue]:
    """The dialogues that a simulation took its personas from; none where they are no longer to be read."""
    try:
        return {dialogue.id: dialogue for dialogue in source_of(run).dialogues}
    except InterplayError:
        return {}


def _run(run: Run) -> Json:
    record = run.record
    return {
        "name": run.players(""),
        "told": record.told(),
        "task": record.task.name,
        "data": f"{record.dataset.name}/{record.dataset.split}",
        "synthetic": record.dataset.synthetic,
    }


def _described(turn: Turn, description: TurnDescription | None) -> Json:
    """A turn, and what the model did at it; not what gives the target away, which is for the reader to uncover."""
    shown = _turn(turn)
    if description is None:
        return shown
    if description.verdict is not None:
        shown["decision"] = {"verdict": description.verdict, "p": description.probability}
    if description.reply is not None:
        shown["reply"] = {"action": description.action or INSTEAD, "text": description.reply}
    if description.remarks:
        shown["notes"] = list(description.remarks)
    return shown


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


def _mark(text: str, mention: Mention) -> list[Any]:
    """Where an item is named; and what it was read as, where the text has it otherwise."""
    place = [mention.start, mention.end]
    said, name = text[mention.start : mention.end], mention.item.name
    return place if said in (name, mention.item.title) else [*place, name]


def _turn(turn: Turn) -> Json:
    """Only what is said is written: the page's size is mostly these."""
    shown: Json = {"role": str(turn.role), "action": str(turn.action), "text": turn.text}
    if turn.mentions:
        shown["marks"] = [_mark(turn.text, mention) for mention in turn.mentions]
    if turn.recommended:
        shown["new"] = [item.name for item in turn.recommended]
    if turn.scripted:
        shown["script"] = True
    return shown
