"""What a tokenizer makes control tokens of, and how a text of people's or models' is kept from holding any.

A persona, a review or a turn may hold ``<|im_end|>`` or ``</s>``; read as tokens, they would end a message or begin a
system's. Every engine and the training put texts through :func:`defused` before they are encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from interplay_bench.dialogues.markup import is_structural

_CONTROL = re.compile(r"[<\[({|◁].*[>\])}|▷]", re.DOTALL)
"""How tokens look that tokenizers add and do not call special, and that templates and models still obey."""


def defuser(tokenizer: Any) -> Callable[[str], str]:
    """A function that spells every control token of ``tokenizer`` in a text with other brackets: ``‹|im_end|›``.

    The markup's own tokens stay: what stands for them in texts has been defused where the markup was written.
    """
    pattern = _pattern(frozenset(_control_tokens(tokenizer)))
    return (lambda text: pattern.sub(_spelt, text)) if pattern else (lambda text: text)


def _control_tokens(tokenizer: Any) -> set[str]:
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    found = {str(token.content) for token in added if token.special or _CONTROL.fullmatch(str(token.content))}
    found |= {str(token) for token in getattr(tokenizer, "all_special_tokens", ())}
    return {token for token in found if token.strip() and not is_structural(token)}


@cache
def _pattern(tokens: frozenset[str]) -> re.Pattern[str] | None:
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None


def _spelt(found: re.Match[str]) -> str:
    token = found.group()
    return f"‹{token[1:-1]}›" if len(token) > 2 else "‹›"


def beginning(tokenizer: Any) -> tuple[int, ...]:
    """What a tokenizer puts before a text of its own accord; not what it may put behind it."""
    with_own, bare = (list(tokenizer("a", add_special_tokens=own)["input_ids"]) for own in (True, False))
    starts = [at for at in range(len(with_own) - len(bare) + 1) if with_own[at : at + len(bare)] == bare]
    if starts:
        return tuple(with_own[: starts[0]])
    return (tokenizer.bos_token_id,) if with_own[:1] == [tokenizer.bos_token_id] else ()
