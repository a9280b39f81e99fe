"""Another data set with acceptances read by a learnt labeller in place of the rules.

``--dataset labelled --data redial=redial/ --set data.labels=FILE``; ``audit labels --fit FILE`` writes the weights. The
first user turn after each proposal is accepted where the labeller says so; all other actions stay. The report of
the data names the labeller, and the fingerprint differs as the actions do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from interplay_bench.datasets.dataset_entry import DATASETS, dataset
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Action
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment.errors import UsageError

LABELS = "labels"
OPTIONS = (LABELS, "catalog", "domain", "attributes")


@dataset("labelled", options=OPTIONS)
def load(source: Source) -> DialogueSet:
    """Another data set, its acceptances read by a learnt labeller (--data NAME=PATH --set data.labels=FILE)."""
    from interplay_bench.audits.learnt_labels import LearntLabels
    from interplay_bench.audits.people_answers import answer_text, answering

    name, equals, place = (source.data or "").partition("=")
    weights = source.options.get(LABELS)
    if not equals or not weights:
        raise UsageError(
            "The data set 'labelled' needs another and a labeller: --data NAME=PATH --set data.labels=FILE, where "
            "`audit labels --fit FILE` makes the labeller."
        )
    if name == "labelled":
        raise UsageError("The data set 'labelled' cannot label itself: name another before the =.")
    taken = DATASETS.find(name).options
    given = {key: value for key, value in source.options.items() if key in taken}
    inner = load_dataset(name, place or None, source.split, given)
    model = LearntLabels.read(Path(weights))
    places = [(number, turn) for number, dialogue in enumerate(inner.dialogues) for turn in answering(dialogue.turns)]
    verdicts = model.verdicts([answer_text(inner.dialogues[number].turns, turn) for number, turn in places])
    turns = [list(dialogue.turns) for dialogue in inner.dialogues]
    for (number, index), verdict in zip(places, verdicts, strict=True):
        turn = turns[number][index]
        accepted = verdict == Action.ACCEPT
        if accepted is not (turn.action is Action.ACCEPT):
            turns[number][index] = replace(turn, action=Action.ACCEPT if accepted else Action.FEEDBACK)
            inner.preprocessing.repairs[f"action changed by {model.signature}"] += 1
    read = tuple(replace(d, turns=tuple(t)) for d, t in zip(inner.dialogues, turns, strict=True))
    return replace(inner, name="labelled", dialogues=read)
