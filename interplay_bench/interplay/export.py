"""A simulated corpus in other people's formats, written by the ``datasets`` library.

``hf``: a saved data set (``datasets.load_from_disk``), one row per dialogue with persona, turns, end and notes.
``sharegpt``: ``conversations`` of ``from`` (human, gpt) and ``value``; ``chatml``: ``messages`` of ``role`` and
``content``. In both the recommender is the assistant, and the system text is what it knows of the user. ``pearl``:
PEARL's own records as ``train.jsonl``, which ``interplay-bench train --data pearl=DIR`` reads. Its ``gt_movie_title``
is what the user accepted, and the unseen target (``unseen_target_title``) where nothing was: PEARL's end on the
acceptance of that title. All but ``hf`` leave out dialogues that broke off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interplay_bench.dialogue import Dialogue, Role, Turn, View
from interplay_bench.errors import DataError, unknown_name
from interplay_bench.interplay.corpus import LEFT_OUT, read_corpus
from interplay_bench.interplay.episode import End, Episode
from interplay_bench.prompting import persona_parts
from interplay_bench.run import Run

FOLDER = "export"
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
        table = Dataset.from_list([row(episode) for episode in episodes])
        if file is None:
            table.save_to_disk(str(folder))
        else:
            table.to_json(str(folder / file), force_ascii=False)
    return folder


def hf(episode: Episode) -> dict[str, Any]:
    """A row of the saved data set."""
    record = episode.to_json()
    del record["liked"]
    notes = record.pop("notes")
    turns = [{**turn, "malformed": "malformed" in note} for turn, note in zip(record["turns"], notes, strict=True)]
    return {**record, "turns": turns, "accepted": [item.name for item in episode.accepted]}


def sharegpt(episode: Episode) -> dict[str, Any]:
    """A ShareGPT row."""
    sender = {Role.USER: "human", Role.RECOMMENDER: "gpt"}
    turns = [{"from": sender[turn.role], "value": turn.text} for turn in episode.dialogue.turns]
    return {"id": episode.dialogue.id, "system": _system(episode.dialogue), "conversations": turns}


def chatml(episode: Episode) -> dict[str, Any]:
    """A row of chat messages."""
    sender = {Role.USER: "user", Role.RECOMMENDER: "assistant"}
    system = _system(episode.dialogue)
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": sender[turn.role], "content": turn.text} for turn in episode.dialogue.turns]
    return {"id": episode.dialogue.id, "messages": messages}


def pearl(episode: Episode) -> dict[str, Any]:
    """A record of PEARL."""
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
