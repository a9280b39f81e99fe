"""How a view reads as text: the persona's parts, and the turns in the markup.

:func:`training_prompt` is the format that fine-tuned simulators are trained on and read.
"""

from __future__ import annotations

from interplay_bench.dialogue import Persona, Turn, View
from interplay_bench.language_model import Channel, Message, Part, Prompt
from interplay_bench.markup import ACTION_OPEN, neutral, render, role_token


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


def turn_part(turn: Turn) -> Part:
    """A turn in the markup."""
    return Part(Channel.TURNS, render(turn))


def training_prompt(view: View) -> Prompt:
    """Persona, then each turn behind its role's token, then the opening of the next turn of ``view.role``."""
    persona = Message("system", persona_parts(view.persona))
    turns = (Message(turn.role, (Part(Channel.TURNS, role_token(turn.role)), turn_part(turn))) for turn in view.turns)
    return Prompt((persona, *turns), chat=False, prefix=role_token(view.role) + ACTION_OPEN)


def domain(view: View, default: str = "movie") -> str:
    """What is talked about: the domain of the first item in sight."""
    seen = (entry.item for entry in view.persona.history)
    named = (item for turn in view.turns for item in turn.items)
    return next((item.domain for items in (seen, named) for item in items), default)
