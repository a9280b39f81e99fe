"""The formats that a simulated corpus is exported in.

``hf``: Parquet (``datasets.load_dataset`` of the folder), one row per dialogue with persona, turns, end and notes.
``sharegpt``: ``conversations`` of ``from`` (human, gpt) and ``value``; ``chatml``: ``messages`` of ``role`` and
``content``. In both the recommender is the assistant, and the system text is what it knows of the user. ``pearl``:
PEARL's own records as ``train.jsonl``, which ``interplay-bench train --data pearl=DIR`` reads. Its ``gt_movie_title``
is what the user accepted, and the unseen target (``unseen_target_title``) where nothing was: PEARL's end on the
acceptance of that title. Beside it lies a ``catalog.json`` of all that the dialogues name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.dialogue import Dialogue, Role, Turn, View
from interplay_bench.dialogues.view_prompt import persona_parts
from interplay_bench.simulation.episode import End, Episode
from interplay_bench.simulation.export import export_format

if TYPE_CHECKING:
    from datasets import Features

_SPEAKER = {Role.USER: "Seeker", Role.RECOMMENDER: "Recommender"}
_SIDE = re.compile(r"\b(Like|Dislike)s: ")


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


def _catalog_file(episodes: Sequence[Episode]) -> dict[str, str]:
    """Every item that the dialogues name, without which PEARL's reader would miss titles that have no year."""
    return {"catalog.json": json.dumps(_catalog(episodes), ensure_ascii=False, indent=0)}


@export_format("hf", file="train.parquet", columns=_features, every=True)
def hf(episode: Episode) -> dict[str, Any]:
    """A row per dialogue: persona, turns with the note on each, the end, what was accepted, and the unseen target."""
    record = episode.to_json()
    del record["liked"]
    notes = (asdict(note) for note in episode.notes)
    turns = [{**turn, "note": note} for turn, note in zip(record["turns"], notes, strict=True)]
    del record["notes"]
    return {**record, "turns": turns, "accepted": [item.name for item in episode.accepted]}


@export_format("sharegpt")
def sharegpt(episode: Episode) -> dict[str, Any]:
    """ShareGPT's `conversations`; the recommender is `gpt`, and `system` is what it knows of the user."""
    sender = {Role.USER: "human", Role.RECOMMENDER: "gpt"}
    turns = [{"from": sender[turn.role], "value": turn.text} for turn in episode.dialogue.turns]
    return {"id": episode.dialogue.id, "system": _system(episode.dialogue), "conversations": turns}


@export_format("chatml")
def chatml(episode: Episode) -> dict[str, Any]:
    """`messages` of a chat; the recommender is the assistant, and the system's is what it knows of the user."""
    sender = {Role.USER: "user", Role.RECOMMENDER: "assistant"}
    system = _system(episode.dialogue)
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": sender[turn.role], "content": turn.text} for turn in episode.dialogue.turns]
    return {"id": episode.dialogue.id, "messages": messages}


@export_format("pearl", beside=_catalog_file)
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


def _catalog(episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int | None], None] = {}
    for episode in episodes:
        dialogue = episode.dialogue
        items = [seen.item for seen in dialogue.persona.history] + [
            item for turn in dialogue.turns for item in turn.items
        ]
        items += [dialogue.target] if dialogue.target else []
        found.update(dict.fromkeys((item.title, item.year) for item in items))
    return [{"title": title, "year": year} for title, year in found]
