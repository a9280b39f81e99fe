"""What a model thought aloud before it answered, told from the answer: only the answer is read.

Servers that know a model's format put its thoughts into a field of their own; others leave them in the text, with or
without the mark that opens them (which the chat template may have written into the prompt).
"""

from __future__ import annotations

import re

_CLOSING = re.compile(
    r"</think(?:ing)?>|</thought>|</reasoning>|</reflection>|</seed:think>|\[/THINK\]|◁/think▷"
    r"|<\|channel\|>final(?:\s*<\|constrain\|>\w*)?<\|message\|>|<\|END_THINKING\|>",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"\s*(?:<think(?:ing)?>|<thought>|<reasoning>|<reflection>|<seed:think>|\[THINK\]|◁think▷"
    r"|(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)<\|message\|>|<\|START_THINKING\|>)",
    re.IGNORECASE,
)


def answer_start(text: str) -> int | None:
    """Where the answer begins in ``text``: behind the last mark that closes thoughts.

    0 where there are no thoughts; ``None`` where they were opened and never closed, so that nothing was answered.
    """
    closed = [found.end() for found in _CLOSING.finditer(text)]
    if closed:
        return closed[-1]
    return None if _OPENING.match(text) else 0
