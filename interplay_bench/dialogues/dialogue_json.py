"""Dialogues as JSON values, and back: the schema of fingerprints and of simulated corpora."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn


def dialogue_record(dialogue: Dialogue) -> dict[str, Any]:
    """A dialogue as plain JSON values: the schema that fingerprints are taken over and simulations are written in."""
    persona = dialogue.persona
    return {
        "id": dialogue.id,
        "user_id": dialogue.user_id,
        "persona": {
            "general_preferences": persona.general_preferences,
            "history": [{"item": item_record(seen.item), "review": seen.review} for seen in persona.history],
            "target_attributes": persona.target_attributes,
        },
        "target": None if dialogue.target is None else item_record(dialogue.target),
        "turns": [turn_record(turn) for turn in dialogue.turns],
        "liked": dict(dialogue.liked),
        "outcome": dialogue.outcome,
        # Left out where there are none, as in the records from before there were any.
        **({"verdicts": {str(turn): took for turn, took in dialogue.verdicts.items()}} if dialogue.verdicts else {}),
    }


def turn_record(turn: Turn) -> dict[str, Any]:
    """A turn as plain JSON values."""
    return {
        "role": str(turn.role),
        "action": str(turn.action),
        "text": turn.text,
        "mentions": [{"item": item_record(m.item), "start": m.start, "end": m.end} for m in turn.mentions],
        "recommended": [item_record(item) for item in turn.recommended],
        "scripted": turn.scripted,
    }


def item_record(item: Item) -> dict[str, Any]:
    """An item's identity as plain JSON values, without its attributes."""
    return {"id": item.id, "title": item.title, "year": item.year, "domain": item.domain}


def read_dialogue(data: Mapping[str, Any]) -> Dialogue:
    """A dialogue from its record. Raises ``KeyError``, ``TypeError`` or ``ValueError`` where it is none."""
    persona = data["persona"]
    return Dialogue(
        _text(data["id"]),
        _text(data["user_id"]),
        Persona(
            _text(persona["general_preferences"]),
            tuple(SeenItem(read_item(seen["item"]), _text(seen["review"])) for seen in persona["history"]),
            _text(persona["target_attributes"]),
        ),
        None if data["target"] is None else read_item(data["target"]),
        tuple(read_turn(turn) for turn in data["turns"]),
        data["liked"],
        data["outcome"],
        {int(turn): took for turn, took in data.get("verdicts", {}).items()},
    )


def read_turn(data: Mapping[str, Any]) -> Turn:
    """A turn from its record."""
    return Turn(
        Role(data["role"]),
        Action(data["action"]),
        _text(data["text"]),
        tuple(Mention(read_item(mention["item"]), mention["start"], mention["end"]) for mention in data["mentions"]),
        tuple(read_item(item) for item in data["recommended"]),
        data["scripted"],
    )


def read_item(data: Mapping[str, Any]) -> Item:
    """An item from its record; records hold no attributes."""
    year = data["year"]
    if year is not None and not isinstance(year, int):
        raise TypeError(f"{year!r} is no year")
    return Item(_text(data["id"]), _text(data["title"]), year, _text(data["domain"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
