"""CPCD (Chaganty et al. 2023): people build music playlists in conversation, and rate tracks turn by turn.

A *proposal* is a track that the user rated among the search results shown with a system's turn; those that they did not
rate are left out. The interface showed the tracks, which the turn's words do not name: they are added to its text, in
the order of their titles. An *acceptance* is a track liked, a *rejection* one disliked. The *target* is the last track
liked that the goal playlist holds. There is no persona: the user's words before the first proposal stand for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.first_half import RECIPE, first_half_persona
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    check_split,
    json_rows,
    locate,
    may_have,
    need,
    need_rows,
    shortened,
    tidy,
)
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment.errors import DataError

SPLITS = ("train", "valid", "test")
SHOWN = "Shown:"
"""What stands before the tracks in a turn's text."""


@dataset("cpcd", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """CPCD: people build playlists, and like or dislike tracks by turn (--data FILE or folder)."""
    check_split("cpcd", source.split, SPLITS)
    path = locate("CPCD", source, (f"{source.split}.jsonl", "dialogs.jsonl") if source.split == "valid" else (
        f"{source.split}.jsonl",))  # fmt: skip
    report = Preprocessing()
    unique = UniqueIds(report.repairs)
    tracks: dict[str, Item] = {}
    dialogues: list[Dialogue] = []
    for number, row in json_rows(path):
        report.rows += 1
        dialogue = _dialogue(row, f"line {number} of {path}", tracks, unique, report)
        if dialogue is not None:
            dialogues.append(dialogue)
    need_rows(report.rows, path)
    named = {item for dialogue in dialogues for turn in dialogue.turns for item in turn.items}
    items = tuple(item for item in tracks.values() if item in named)
    others = tuple(item for item in tracks.values() if item not in named)
    return DialogueSet("cpcd", source.split, tuple(dialogues), items, report, others=others)


def _dialogue(
    row: Row, where: str, tracks: dict[str, Item], unique: UniqueIds, report: Preprocessing
) -> Dialogue | None:
    for track, facts in need(row, "tracks", dict, where).items():
        if track not in tracks:
            tracks[track] = _track(track, facts, where)
    turns: list[Turn] = []
    liked: dict[str, bool] = {}
    for number, said in enumerate(need(row, "turns", list, where)):
        place = f"turn {number} of {where}"
        if not isinstance(said, dict):
            raise DataError(f"T{place[1:]} is a {type(said).__name__}, where an object is needed.")
        rated = {
            **dict.fromkeys(_texts(said, "liked_results", place), True),
            **dict.fromkeys(_texts(said, "disliked_results", place), False),
        }
        unknown = [track for track in rated if track not in tracks]
        if unknown:
            raise DataError(f"T{place[1:]} rates {shortened(repr(unknown[0]))}, which is none of its 'tracks'.")
        new = [tracks[track] for track in rated if track not in liked]
        if len(new) < len(rated):
            report.repairs["track rated again: its first rating counts"] += len(rated) - len(new)
        liked = {**rated, **liked}
        turns += _turns(said, new, place, report)
    if not turns:
        report.dropped["no turn with text"] += 1
        return None
    goal = set(_texts(row, "goal_playlist", where))
    wanted = [track for track, like in liked.items() if like and track in goal]
    order = {item.id: at for at, turn in enumerate(turns) for item in turn.recommended}
    target = tracks[max(wanted, key=lambda track: order[track])] if wanted else None
    report.repairs[RECIPE] += 1
    own = unique(need(row, "id", str, where))
    return Dialogue(own, own, first_half_persona(turns, target), target, label(turns), liked)


def _turns(said: Mapping[str, Any], new: Sequence[Item], where: str, report: Preprocessing) -> list[Turn]:
    asked = tidy(need(said, "user_query", str, where))
    text = tidy(need(said, "system_response", str, where))
    mentions: list[Mention] = []
    shown = sorted(new, key=lambda item: (item.title, item.id))
    for item in shown:
        text += f"; {item.title}" if mentions else f" {SHOWN} {item.title}"
        mentions.append(Mention(item, len(text) - len(item.title), len(text)))
        text += "".join(f" by {artist}" for artist in item.attributes.get("artist", ())[:1])
    text = f"{text}." if mentions else text
    turns = [Turn(Role.USER, Action.CHAT, asked)] if asked else []
    if text:
        turns.append(Turn(Role.RECOMMENDER, Action.CHAT, text, tuple(mentions), tuple(shown)))
    report.turns_dropped["turn without text"] += 2 - len(turns)
    return turns


def _texts(row: Row, key: str, where: str) -> list[str]:
    values: list[str] = need(row, key, list, where)
    if not all(isinstance(value, str) for value in values):
        raise DataError(f"{key!r} in {where} is {shortened(repr(values))}, where a list of texts is needed.")
    return values


def _track(track: str, facts: Any, where: str) -> Item:
    if not isinstance(facts, dict):
        raise DataError(f"The track {shortened(track)} in {where} is a {type(facts).__name__}: an object is needed.")
    attributes = {
        "artist": tuple(map(str, may_have(facts, "track_artists", list, where) or ())),
        "album": tuple(filter(None, [str(facts.get("track_release_titles") or "")])),
    }
    title = tidy(str(facts.get("track_titles") or "")) or f"Track {track}"
    return Item(track, title, None, "music", {key: value for key, value in attributes.items() if value})
