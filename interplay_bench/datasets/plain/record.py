"""The schema of plain data: what a record may hold, of which only ``turns`` with role and text are needed.

``dialogue.schema.json`` beside this file is the same for editors; a test keeps them equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from interplay_bench.datasets.reading import shortened
from interplay_bench.dialogues.dialogue import ACTIONS, Action, Role
from interplay_bench.environment.errors import DataError


class Part(BaseModel):
    """A part of a record. Fields that are not known are kept, so that they can be counted."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class PlainItem(Part):
    """An item by its title, "Kind of Blue (1959)", or by its id in the catalogue."""

    id: str | int | None = None
    title: str | None = None
    year: int | None = None
    domain: str | None = None
    attributes: dict[str, str | list[str]] = Field(default_factory=dict)


class PlainSeen(Part):
    """An item of the user's history with what they thought of it."""

    item: str | PlainItem
    review: str = ""


class PlainPersona(Part):
    """Who the user is; ``target_attributes`` says what they look for and never names the target."""

    general_preferences: str = ""
    history: list[str | PlainSeen] = Field(default_factory=list)
    target_attributes: str = ""


class PlainTurn(Part):
    """What one side says.

    ``action``: where it is left out, rules give it. ``items``: those that the text names; without them the catalogue's
    titles are looked for. ``recommended``: those that the recommender newly proposes; without them, the items that
    nobody named before. ``accepted``: whether the user took what is proposed here.
    """

    role: Role = Field(strict=False)
    text: str
    action: Action | None = Field(default=None, strict=False)
    items: list[str | PlainItem] | None = None
    recommended: list[str | PlainItem] | None = None
    accepted: bool | None = None
    scripted: bool = False

    @field_validator("action")
    @classmethod
    def _of_the_role(cls, action: Action | None, info: ValidationInfo) -> Action | None:
        role = info.data.get("role")
        if action is not None and role is not None and action not in ACTIONS[role]:
            raise ValueError(f"a {role} cannot {action}")
        return action

    @field_validator("recommended")
    @classmethod
    def _by_a_recommender(cls, items: list[str | PlainItem] | None, info: ValidationInfo) -> Any:
        if items and info.data.get("role") is Role.USER:
            raise ValueError("only a recommender recommends")
        return items


class PlainDialogue(Part):
    """A dialogue. ``liked``: the user's opinions of items, by title or id. ``outcome``: how it ended, in any words."""

    id: str | int | None = None
    user_id: str | int | None = None
    domain: str | None = None
    persona: str | PlainPersona | None = None
    target: str | PlainItem | None = None
    turns: list[PlainTurn] = Field(min_length=1)
    liked: dict[str, bool] = Field(default_factory=dict)
    outcome: str = ""


def read_record(row: Mapping[str, Any], where: str) -> PlainDialogue:
    """The record of ``row``; a :class:`DataError` names ``where`` it stands, the field, and what is needed."""
    try:
        return PlainDialogue.model_validate(row)
    except ValidationError as error:
        raise DataError(_explained(error, where)) from None


def unknown_fields(record: PlainDialogue) -> set[str]:
    """The names of fields that the schema does not know, by their part: ``tagret``, ``turns.speaker``."""
    found = set(record.model_extra or ())
    if isinstance(record.persona, PlainPersona):
        found |= {f"persona.{name}" for name in record.persona.model_extra or ()}
    return found | {f"turns.{name}" for turn in record.turns for name in turn.model_extra or ()}


def _explained(error: ValidationError, where: str) -> str:
    # Of the alternatives of a field (a title or an object) the last one's error says most.
    problem = error.errors(include_url=False)[-1]
    path = ""
    for step in problem["loc"]:
        known = isinstance(step, int) or step.isidentifier()
        if known and step not in ("str", "int", "PlainItem", "PlainSeen", "PlainPersona"):
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    message = problem["msg"].removeprefix("Value error, ")
    said = "" if problem["type"] == "missing" else f", not {shortened(repr(problem['input']))}"
    return f"{where[0].upper()}{where[1:]}: {path or 'the record'}: {message[0].lower()}{message[1:]}{said}."
