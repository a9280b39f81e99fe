"""How a view reads as text: the persona's parts, and the turns in the markup.

:func:`training_prompt` is the format that fine-tuned simulators are trained on and read.
"""

from __future__ import annotations

from interplay_bench.dialogues.dialogue import Item, Persona, Role, Turn, View
from interplay_bench.dialogues.markup import ACTION_OPEN, neutral, render, role_token
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt

_TOO_MUCH = ("plot", "director", "writer", "star")
"""Facets of an item that :func:`item_facts` leaves out."""


def persona_parts(persona: Persona) -> tuple[Part, ...]:
    """The persona, part by part; a part that is empty is left out."""
    parts = []
    if persona.general_preferences:
        parts.append(Part(Channel.PERSONA, f"General preferences: {neutral(persona.general_preferences)}\n"))
    for seen in persona.history:
        review = f": {neutral(seen.review)}" if seen.review else ""
        parts.append(Part(Channel.HISTORY, f"Seen before: {neutral(seen.item.name)}{review}\n"))
    if persona.target_attributes:
        parts.append(Part(Channel.ATTRIBUTES, f"Looking for: {neutral(persona.target_attributes)}\n"))
    return tuple(parts)


def turn_part(turn: Turn, facts: bool = False) -> Part:
    """A turn in the markup; with ``facts``, a recommender's titles have the item's facts behind them."""
    return Part(Channel.TURNS, render(turn, item_facts) if facts and turn.role is Role.RECOMMENDER else render(turn))


def item_facts(item: Item) -> str:
    """What kind of item it is, from its catalogue: `` [crime, drama; heist]``; empty where nothing is known.

    People and plots are left out: a small model finds a film by them without weighing whether it is wanted.
    """
    known = "; ".join(", ".join(values) for facet, values in item.attributes.items() if facet not in _TOO_MUCH)
    return f" [{known}]" if known else ""


def training_prompt(view: View, facts: bool = False) -> Prompt:
    """Persona, then each turn behind its role's token, then the opening of the next turn of ``view.role``.

    ``facts``: whether a recommender's items come with what the catalogue says of them.
    """
    persona = Message("system", persona_parts(view.persona))
    turns = (
        Message(turn.role, (Part(Channel.TURNS, role_token(turn.role)), turn_part(turn, facts))) for turn in view.turns
    )
    return Prompt((persona, *turns), chat=False, prefix=role_token(view.role) + ACTION_OPEN)


def domain(view: View, default: str = "movie") -> str:
    """What is talked about: the domain of the first item in sight."""
    seen = (entry.item for entry in view.persona.history)
    named = (item for turn in view.turns for item in turn.items)
    return next((item.domain for items in (seen, named) for item in items), default)
