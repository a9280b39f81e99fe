"""Dialogues that two simulators held, as ``interplay-bench simulate`` wrote them.

A simulation's directory knows whose personas it talked about, and is that split: what was said about the personas of
``test`` is not learnt from unawares. Its ``dialogues.jsonl``, given by itself, is any split. Dialogues that broke off
are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.reading import check_split, locate
from interplay_bench.dialogues.dialogue import Dialogue, Item
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment.errors import MissingDataError
from interplay_bench.simulation.corpus import FILE, LEFT_OUT, read_corpus

SPLITS = ("train", "valid", "test")


@dataset("simulated", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """Dialogues of two simulators (--data DIR of a simulation, or a dialogues.jsonl)."""
    check_split("simulated", source.split, SPLITS)
    path = locate("simulated", source, (FILE,))
    if source.path != path:
        _check_personas(path, source.split)
    episodes = read_corpus(path)
    report = Preprocessing(len(episodes))
    report.dropped.update(str(episode.end) for episode in episodes if episode.end in LEFT_OUT)
    kept = tuple(episode.dialogue for episode in episodes if episode.end not in LEFT_OUT)
    return DialogueSet("simulated", source.split, kept, _items(kept), report, synthetic=True)


def _check_personas(path: Path, split: str) -> None:
    """Raise where the simulation beside ``path`` is about another split's personas."""
    if not (path.parent / "run.json").is_file():
        return
    from interplay_bench.evaluation.run import read_record

    data = read_record(path.parent).dataset
    if data.split != split:
        raise MissingDataError(
            f"{path.parent} is about the personas of {data.name}/{data.split}, not of a {split} split: simulate "
            f"with --split {split}, or give {path} itself to use it as whatever you like."
        )


def _items(dialogues: Sequence[Dialogue]) -> tuple[Item, ...]:
    """What the dialogues name, each once, in order."""
    items: dict[Item, None] = {}
    for dialogue in dialogues:
        items.update(dict.fromkeys(seen.item for seen in dialogue.persona.history))
        items.update(dict.fromkeys([dialogue.target] if dialogue.target else []))
        items.update(dict.fromkeys(item for turn in dialogue.turns for item in turn.items))
    return tuple(items)
