"""A simulated corpus in other people's formats, written by the ``datasets`` library.

``hf``: a saved data set (``datasets.load_from_disk``), one row per dialogue with persona, turns, end and notes.
``sharegpt``: ``conversations`` of ``from`` (human, gpt) and ``value``; ``chatml``: ``messages`` of ``role`` and
``content``. In both the recommender is the assistant, and the system text is what it knows of the user. ``pearl``:
PEARL's own records as ``train.jsonl``, which ``interplay-bench train --data pearl=DIR`` reads. Its ``gt_movie_title``
is what the user accepted, and the unseen target (``unseen_target_title``) where nothing was: PEARL's end on the
acceptance of that title. Beside it lies a ``catalog.json`` of all that the dialogues name. All but ``hf`` leave out
dialogues that broke off. Each folder has a data card of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogue import Dialogue, Role, Turn, View
from interplay_bench.errors import DataError, unknown_name
from interplay_bench.interplay.corpus import LEFT_OUT, read_corpus
from interplay_bench.interplay.data_card import write_data_card
from interplay_bench.interplay.episode import End, Episode
from interplay_bench.prompting import persona_parts
from interplay_bench.run import Run

if TYPE_CHECKING:
    from datasets import Features

FOLDER = "export"
CATALOG = "catalog.json"
_SPEAKER = {Role.USER: "Seeker", Role.RECOMMENDER: "Recommender"}
_SIDE = re.compile(r"\b(Like|Dislike)s: ")


def export(run: Run, name: str) -> Path:
    """Write the run's corpus as ``name`` into the run's directory; returns the folder."""
    if name not in _FORMATS:
        raise unknown_name("export format", name, _FORMATS)
    from datasets import Dataset

    file, row = _FORMATS[name]
    episodes = [episode for episode in read_corpus(run.folder) if file is None or episode.end not in LEFT_OUT]
    if not episodes:
        raise DataError(f"{run.folder} has no dialogue to export: all broke off.")
    folder = run.folder / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    with _quiet():
        table = Dataset.from_list([row(e) for e in episodes], features=_features() if row is hf else None)
        if file is None:
            table.save_to_disk(str(folder))
        else:
            table.to_json(str(folder / file), force_ascii=False)
    if row is pearl:
        (folder / CATALOG).write_text(json.dumps(_catalog(episodes), ensure_ascii=False, indent=0), encoding="utf-8")
    write_data_card(run, folder, f"`{file or 'this folder, for datasets.load_from_disk'}`: {_doc(row)}", file)
    return folder


def hf(episode: Episode) -> dict[str, Any]:
    """A row per dialogue: persona, turns with the note on each, the end, what was accepted, and the unseen target."""
    record = episode.to_json()
    del record["liked"]
    notes = (asdict(note) for note in episode.notes)
    turns = [{**turn, "note": note} for turn, note in zip(record["turns"], notes, strict=True)]
    del record["notes"]
    return {**record, "turns": turns, "accepted": [item.name for item in episode.accepted]}


def _features() -> Features:
    """The columns of ``hf``, so that two corpora can be joined whatever is empty in one of them."""
    from datasets import Features, Value

    text, number, share, yes = (Value(kind) for kind in ("string", "int64", "float64", "bool"))
    item = {"id": text, "title": text, "year": number, "domain": text}
    note = {
        "malformed": text, "raw": text, "confusion": text, "contradiction": text, "unknown": [text], "repeated": [text],
        "verdict": text, "probability": share, "dropped_turns": number, "cut": yes, "prompt_tokens": number,
        "completion_tokens": number,
    }  # fmt: skip
    turn = {
        "role": text, "action": text, "text": text, "mentions": [{"item": item, "start": number, "end": number}],
        "recommended": [item], "scripted": yes, "note": note,
    }  # fmt: skip
    history = [{"item": item, "review": text}]
    return Features({
        "id": text, "user_id": text,
        "persona": {"general_preferences": text, "history": history, "target_attributes": text},
        "target": item, "turns": [turn], "outcome": text, "agreement": share, "floor": share, "accepted": [text],
    })  # fmt: skip


def sharegpt(episode: Episode) -> dict[str, Any]:
    """ShareGPT's `conversations`; the recommender is `gpt`, and `system` is what it knows of the user."""
    sender = {Role.USER: "human", Role.RECOMMENDER: "gpt"}
    turns = [{"from": sender[turn.role], "value": turn.text} for turn in episode.dialogue.turns]
    return {"id": episode.dialogue.id, "system": _system(episode.dialogue), "conversations": turns}


def chatml(episode: Episode) -> dict[str, Any]:
    """`messages` of a chat; the recommender is the assistant, and the system's is what it knows of the user."""
    sender = {Role.USER: "user", Role.RECOMMENDER: "assistant"}
    system = _system(episode.dialogue)
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": sender[turn.role], "content": turn.text} for turn in episode.dialogue.turns]
    return {"id": episode.dialogue.id, "messages": messages}


def pearl(episode: Episode) -> dict[str, Any]:
    """PEARL's records; `gt_movie_title` is what was accepted, else the unseen target (`unseen_target_title`)."""
    dialogue, persona = episode.dialogue, episode.dialogue.persona
    target = dialogue.target.name if dialogue.target else ""
    title = episode.accepted[0].name if episode.accepted else target
    said = [f"{_SPEAKER[turn.role]}: {_quoted(turn)}" for turn in dialogue.turns]
    if episode.end is End.ACCEPTED:
        said[-1] += " [EOD]"
    reviews = [_SIDE.sub(r"[\1] ", " ".join(seen.review.split())) for seen in persona.history]
    return {
        "data_id": dialogue.id,
        "user_id": dialogue.user_id,
        "user_persona": "\n\n".join(reviews) or persona.general_preferences,
        "seen_movie_titles": [seen.item.name for seen in persona.history],
        "gt_movie_title": title,
        "gt_abstract": f"Title: {title}\nReview: {persona.target_attributes}",
        "unseen_target_title": target,
        "dialogue": said,
    }


_FORMATS: dict[str, tuple[str | None, Callable[[Episode], dict[str, Any]]]] = {
    "hf": (None, hf),
    "sharegpt": ("train.jsonl", sharegpt),
    "chatml": ("train.jsonl", chatml),
    "pearl": ("train.jsonl", pearl),
}


def _catalog(episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    """Every item that the dialogues name, without which PEARL's reader would miss titles that have no year."""
    found: dict[tuple[str, int | None], None] = {}
    for episode in episodes:
        dialogue = episode.dialogue
        items = [seen.item for seen in dialogue.persona.history] + [
            item for turn in dialogue.turns for item in turn.items
        ]
        items += [dialogue.target] if dialogue.target else []
        found.update(dict.fromkeys((item.title, item.year) for item in items))
    return [{"title": title, "year": year} for title, year in found]


def _doc(row: Callable[[Episode], dict[str, Any]]) -> str:
    return (row.__doc__ or "").strip()


def _system(dialogue: Dialogue) -> str:
    """What the recommender knows of the user."""
    view = View.of(Role.RECOMMENDER, dialogue.persona, ())
    return "".join(part.text for part in persona_parts(view.persona)).strip()


def _quoted(turn: Turn) -> str:
    """The turn's text with its titles in quotes, by which PEARL's reader finds those that no catalogue holds."""
    pieces, at = [], 0
    for mention in turn.mentions:
        surface = turn.text[mention.start : mention.end]
        bare = turn.text[mention.start - 1 : mention.start] in ('"', "“")
        pieces += [turn.text[at : mention.start], surface if bare else f'"{surface}"']
        at = mention.end
    return "".join([*pieces, turn.text[at:]])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own progress bars."""
    from datasets.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
