"""Role confusion: a user who recommends, a recommender who discloses wishes, an acceptance of nothing.

Three signs, the first that shows counts:
  - the model wrote an action of the other role, which is malformed;
  - the user accepted before anything was recommended;
  - the words are the other side's. These rules are few and cautious: they miss more than they invent.
"""

from __future__ import annotations

import re

from interplay_bench.dialogues.action_rules import accepts, refuses
from interplay_bench.dialogues.dialogue import Action, Role, Turn
from interplay_bench.dialogues.markup import Malformed

_I_AM = r"\bi(?:['’]m| am)(?: \w+)? "
_WORDS = {
    Role.USER: re.compile(
        r"\bi(?:['’]d| would|['’]ll| can| will)?(?: \w+)? (?:recommend|suggest)\b"
        r"|\bmy (?:recommendation|suggestion) (?:is|would be)\b"
        r"|\byou (?:might|may|should|will|would|['’]ll|can) (?:also )?(?:like|love|enjoy|try|watch|check out)\b"
        r"|\bwhat kind of [\w ]+ (?:are you|do you|would you)\b",
        re.IGNORECASE,
    ),
    Role.RECOMMENDER: re.compile(
        rf"{_I_AM}(?:looking for|in the mood for|after|hoping for|craving)\b"
        r"|\b(?:can|could|would) you (?:please )?(?:recommend|suggest)\b"
        r"|\bi(?:['’]ll| will)(?: definitely| certainly)? (?:watch|check (?:it|that) out|give (?:it|that) a)\b"
        r"|\b(?:thanks|thank you) for (?:the|your) (?:recommendation|suggestion)\b",
        re.IGNORECASE,
    ),
}


def confusion(said: Turn | Malformed, role: Role, *, recommended: bool) -> str | None:
    """Why what ``role`` said is the other's part; ``None`` where it is not. ``recommended``: something was, before."""
    if isinstance(said, Malformed) and said.reason.startswith("action of the other role"):
        return said.reason
    if isinstance(said, Turn) and said.action is Action.ACCEPT and not recommended:
        return "accepts before anything was recommended"
    if _WORDS[role].search(said.text):
        return "words of the other role"
    return None


def contradiction(said: Turn | Malformed) -> str | None:
    """How a user's words deny the action: an acceptance that refuses, a refusal that accepts; ``None`` mostly.

    By the rules of :mod:`action_rules`. The action is what counts for the dialogue's end all the same.
    """
    if not isinstance(said, Turn) or said.role is not Role.USER:
        return None
    if said.action is Action.ACCEPT and refuses(said.text) and not accepts(said.text):
        return "accepts, in words that refuse"
    if said.action is Action.FEEDBACK and accepts(said.text) and not refuses(said.text):
        return "gives feedback, in words that accept"
    return None
