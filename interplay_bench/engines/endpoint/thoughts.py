"""What a model thought aloud before it answered, told from the answer: only the answer is read.

Servers that know a model's format put its thoughts into a field of their own; others leave them in the text, with or
without the mark that opens them (which the chat template may have written into the prompt).
"""

from __future__ import annotations

import re

_NAME = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|internal_monologue)"
_CLOSING = re.compile(
    rf"</\s?{_NAME}\s?>|<\|/{_NAME}\|>|\[/{_NAME}\]|◁/think▷|<\|END_THINKING\|>|<\|end_of_thought\|>"
    r"|<\|channel\|>final(?:\s*<\|constrain\|>\w*)?<\|message\|>|<channel\|>|<\|inner_suffix\|>|<unused95>",
    re.IGNORECASE,
)
_OPENING = re.compile(
    rf"\s*(?:<\s?{_NAME}\s?>|<\|{_NAME}\|>|\[{_NAME}\]|◁think▷|<\|START_THINKING\|>|<\|begin_of_thought\|>"
    r"|(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)<\|message\|>|<\|channel>thought\b"
    r"|<\|inner_prefix\|>|<unused94>)",
    re.IGNORECASE,
)
"""The marks of Qwen, DeepSeek, Mistral, Seed, Kimi, Cohere, gpt-oss, Gemma, Apertus and others, and those that models
are prompted to write."""


def answer_start(text: str) -> int | None:
    """Where the answer begins in ``text``: behind the last mark that closes thoughts.

    0 where there are no thoughts; ``None`` where they were opened and never closed, so that nothing was answered.
    """
    closed = [found.end() for found in _CLOSING.finditer(text)]
    if closed:
        return closed[-1]
    return None if _OPENING.match(text) else 0
