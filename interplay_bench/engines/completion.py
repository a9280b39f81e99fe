"""What an OpenAI-compatible server answers: a text, token counts, and log-probabilities where it gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One written token, and the log-probabilities of what could have stood there, itself included."""

    token: str
    alternatives: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion of either kind of request. ``reasoned``: the model thought aloud in a field of its own."""

    content: str | None
    finish: str
    steps: tuple[Step, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    refusal: str | None = None
    reasoned: bool = False

    @property
    def text(self) -> str:
        """What the model wrote."""
        return self.content or ""


def read_completion(response: Mapping[str, Any], chat: bool) -> Completion:
    """Read a response; raises a look-up error where it is none. The content may still be null."""
    choice = response["choices"][0]
    usage = response.get("usage") or {}
    message = choice["message"] if chat else choice
    return Completion(
        content=_whole(message.get("content" if chat else "text")),
        finish=choice.get("finish_reason") or "stop",
        steps=_steps(choice.get("logprobs") or {}),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        refusal=message.get("refusal"),
        reasoned=bool(message.get("reasoning_content") or message.get("reasoning")),
    )


def _steps(logprobs: Mapping[str, Any]) -> tuple[Step, ...]:
    """The tokens of a completion, from the chat form (``content``) or the older one (parallel lists)."""
    if logprobs.get("content"):
        listed = [(e["token"], [(a["token"], a["logprob"]) for a in e["top_logprobs"]]) for e in logprobs["content"]]
    else:
        pairs = zip(logprobs.get("tokens") or (), logprobs.get("top_logprobs") or (), strict=False)
        listed = [(token, list((top or {}).items())) for token, top in pairs]
    return tuple(Step(token, {t: p for t, p in top if p is not None and math.isfinite(p)}) for token, top in listed)


def _whole(text: str | None) -> str | None:
    """Without half characters, which JSON can escape and UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else text
