"""When a recommender says goodbye.

The rule: a turn that chats or greets, asks nothing, names no item, and holds a farewell ("goodbye", "take care",
"enjoy the film", "have a great evening"). It ends a conversation only after the user has spoken. Recommending and
inquiring turns never end one, however politely they close.
"""

from __future__ import annotations

import re

from interplay_bench.dialogues.dialogue import Action, Role, Turn

_FAREWELL = re.compile(
    r"\b(?:good ?-?bye|bye(?: ?-?bye)?|farewell|take care|good ?night|so long"
    r"|see you(?: (?:soon|later|around|next time|then))?(?=[.!,]|$)"
    r"|until next time|talk (?:to you )?(?:soon|later)"
    r"|have (?:a|an) (?:\w+ )?(?:day|night|evening|afternoon|morning|weekend|time|one)"
    r"|enjoy (?:it\b|watching|reading|listening|(?:the|your|this|that) \w+))",
    re.IGNORECASE,
)


def says_goodbye(turn: Turn) -> bool:
    """Whether a recommender's ``turn`` ends the conversation."""
    if turn.role is not Role.RECOMMENDER or turn.action in (Action.RECOMMEND, Action.INQUIRE):
        return False
    return not turn.mentions and "?" not in turn.text and _FAREWELL.search(turn.text) is not None
