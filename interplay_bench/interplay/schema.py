"""Dialogues from JSON: the way back from :func:`interplay_bench.dataset.dialogue_record`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interplay_bench.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn


def read_dialogue(data: Mapping[str, Any]) -> Dialogue:
    """A dialogue from its record. Raises ``KeyError``, ``TypeError`` or ``ValueError`` where it is none."""
    persona = data["persona"]
    return Dialogue(
        data["id"],
        data["user_id"],
        Persona(
            persona["general_preferences"],
            tuple(SeenItem(read_item(seen["item"]), seen["review"]) for seen in persona["history"]),
            persona["target_attributes"],
        ),
        None if data["target"] is None else read_item(data["target"]),
        tuple(read_turn(turn) for turn in data["turns"]),
        data["liked"],
        data["outcome"],
    )


def read_turn(data: Mapping[str, Any]) -> Turn:
    """A turn from its record."""
    return Turn(
        Role(data["role"]),
        Action(data["action"]),
        data["text"],
        tuple(Mention(read_item(mention["item"]), mention["start"], mention["end"]) for mention in data["mentions"]),
        tuple(read_item(item) for item in data["recommended"]),
        data["scripted"],
    )


def read_item(data: Mapping[str, Any]) -> Item:
    """An item from its record; records hold no attributes."""
    return Item(data["id"], data["title"], data["year"], data["domain"])
