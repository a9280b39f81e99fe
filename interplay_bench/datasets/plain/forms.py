"""Other people's forms of a dialogue as records of plain data: ChatML's ``messages``, ShareGPT's ``conversations``.

The user is ``user`` or ``human``; the recommender ``assistant`` or ``gpt``. Of a system's text, the lines by which our
own exports tell what the recommender knows of the user are read; any other is an instruction, and left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from interplay_bench.datasets.reading import may_have, need, shortened
from interplay_bench.environment.errors import DataError

ROLES = {
    **dict.fromkeys(("user", "human", "seeker", "customer"), "user"),
    **dict.fromkeys(("recommender", "assistant", "gpt", "bot", "agent"), "recommender"),
}
"""What the two sides are called elsewhere."""
SPEAKERS = {**ROLES, "system": "recommender"}
"""The same where turns are given one by one: there the system is who recommends, and no instruction."""
SYSTEM = ("system", "developer")
TOOLS = ("tool", "function", "observation", "function_call")
_LINE = re.compile(r"(General preferences|Seen before): (.*)")


def plain_form(row: Mapping[str, Any], where: str, repairs: Counter[str]) -> dict[str, Any]:
    """``row`` with ``turns``, whichever form it had; empty fields, which tables have, are left out."""
    plain = {key: value for key, value in row.items() if value is not None}
    for key, sender, text in (("messages", "role", "content"), ("conversations", "from", "value")):
        if key in plain and "turns" not in plain:
            messages = need(plain, key, list, where)
            del plain[key]
            plain |= _of_messages(messages, sender, text, f"{key} in {where}", plain, repairs)
    if isinstance(plain.get("turns"), list):
        plain["turns"] = [_turn(turn) for turn in plain["turns"]]
    if isinstance(plain.get("persona"), dict):
        plain["persona"] = {key: value for key, value in plain["persona"].items() if value is not None}
    return plain


def _of_messages(
    messages: Iterable[Any], sender: str, text: str, where: str, row: dict[str, Any], repairs: Counter[str]
) -> dict[str, Any]:
    turns, system = [], may_have(row, "system", str, where) or ""
    row.pop("system", None)
    for number, message in enumerate(messages):
        place = f"message {number} of {where}"
        if not isinstance(message, dict):
            raise DataError(f"{place[0].upper()}{place[1:]} is a {type(message).__name__}, where an object is needed.")
        role = need(message, sender, str, place)
        if role in SYSTEM:
            system += "\n" + need(message, text, str, place)
        elif role in TOOLS or message.get(text, "") is None:
            repairs["message of a tool, or a call of one: left out"] += 1
        elif role in ROLES:
            turns.append({"role": ROLES[role], "text": need(message, text, str, place)})
        else:
            known = ", ".join((*ROLES, *SYSTEM, *TOOLS))
            raise DataError(f"{sender!r} in {place} is {shortened(role)!r}, where one of {known} is needed.")
    found: dict[str, Any] = {"turns": turns}
    if system.strip() and "persona" not in row:
        persona = _persona(system)
        if persona:
            found["persona"] = persona
        else:
            repairs["system text that tells nothing of the user: left out"] += 1
    return found


def _persona(system: str) -> dict[str, Any]:
    """What :mod:`interplay_bench.simulation.export_formats` wrote of a persona; empty where it did not."""
    said = [(match.group(1), match.group(2)) for match in map(_LINE.fullmatch, system.splitlines()) if match]
    history = []
    for label, text in said:
        if label == "Seen before":
            item, _, review = text.partition(": ")
            history.append({"item": item, "review": review})
    general = " ".join(text for label, text in said if label == "General preferences")
    return {"general_preferences": general, "history": history} if said else {}


def _turn(turn: Any) -> Any:
    """A turn without empty fields; the role by our name, and the items of our own records' ``mentions``."""
    if not isinstance(turn, dict):
        return turn
    kept = {key: value for key, value in turn.items() if value is not None}
    if isinstance(kept.get("role"), str):
        kept["role"] = SPEAKERS.get(kept["role"].strip().lower(), kept["role"])
    mentions = kept.pop("mentions", None)
    if isinstance(mentions, list) and "items" not in kept:
        kept["items"] = [mention.get("item") for mention in mentions if isinstance(mention, dict)]
    return kept
