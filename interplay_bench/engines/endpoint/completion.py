"""What an OpenAI-compatible server answers: a text, token counts, and log-probabilities where it gives them.

The door for everything that comes with status 200. What is no completion, is an error in a completion's clothes, or
holds values of other types ends here, or is read as unknown; nothing behind it sees anything but a :class:`Completion`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from interplay_bench.engines.endpoint.thoughts import answer_start


@dataclass(frozen=True, slots=True)
class Step:
    """One written token, and the log-probabilities of what could have stood there, itself included."""

    token: str
    alternatives: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion of either kind of request, without what the model thought aloud.

    ``content``: ``None`` where nothing was answered. ``refusal``: why the model would not. ``reasoned``: it thought
    first. ``model``: which one answered, as the server calls it.
    """

    content: str | None
    finish: str
    steps: tuple[Step, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    refusal: str | None = None
    reasoned: bool = False
    model: str | None = None

    @property
    def text(self) -> str:
        """What the model answered."""
        return self.content or ""

    def with_texts(self, change: Callable[[str], str]) -> Completion:
        """This completion with every text of the server's changed."""
        steps = tuple(
            Step(change(step.token), {change(token): p for token, p in step.alternatives.items()})
            for step in self.steps
        )
        texts = (self.content, self.refusal, self.model)
        content, refusal, model = (None if each is None else change(each) for each in texts)
        return replace(self, content=content, refusal=refusal, model=model, steps=steps)


class NoCompletionError(Exception):
    """The answer is no completion."""


class ReportedError(Exception):
    """The server reports an error with status 200. ``status``: what it would have been, where the server says."""

    def __init__(self, status: int | None, body: object) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def read_completion(raw: bytes, chat: bool) -> Completion:
    """Read a response's body; raises :class:`NoCompletionError` or :class:`ReportedError`."""
    try:
        response = json.loads(raw)
    except (ValueError, RecursionError):
        shown = " ".join(raw[:300].decode("utf-8", "replace").split())
        raise NoCompletionError(f"no JSON, but {shown!r}") from None
    if isinstance(response, list) and len(response) == 1:  # as Gemini wraps its errors
        response = response[0]
    if not isinstance(response, Mapping):
        raise NoCompletionError(f"JSON without choices: {str(response)[:300]!r}")
    choices = response.get("choices")
    if not choices and (error := _error_of(response)):
        raise _reported(error)
    if not isinstance(choices, Sequence) or not choices or not isinstance(choices[0], Mapping):
        raise NoCompletionError(f"JSON without choices: {str(dict(response))[:300]!r}")
    choice = choices[0]
    message = choice.get("message") if chat else choice
    finish = _finish(choice.get("finish_reason"))
    if choice.get("error") or finish == "error":
        raise _reported(choice.get("error") or f"finish_reason: {choice.get('finish_reason')}")
    if not isinstance(message, Mapping):
        raise NoCompletionError(f"a choice without message: {str(dict(choice))[:300]!r}")
    error = message.get("error") or response.get("error")
    if error and not message.get("content" if chat else "text"):
        raise _reported(error)
    usage = response.get("usage")
    return _answered(message, choice, finish, usage if isinstance(usage, Mapping) else {}, response.get("model"), chat)


_FINISHES = {
    "error": r"error|fail|abort|cancel|time_?out|insufficient",
    "content_filter": r"filter|safety|sensitive|recitation|prohibited|blocklist|guardrail|refusal|moderation",
    "length": r"length|max_tokens|limit",
}
"""What servers call the end of an answer that broke off, was not wanted, or was too long; all else is its own end."""


def _finish(given: object) -> str:
    said = given if isinstance(given, str) else ""
    return next((kind for kind, names in _FINISHES.items() if re.search(names, said, re.IGNORECASE)), "stop")


def _error_of(response: Mapping[str, Any]) -> object:
    """The error that an answer without choices reports, in whichever form; ``None`` where it reports none."""
    if "error" in (response.get("object"), response.get("status")) or {"code", "message"} <= response.keys():
        return response
    return next((response[name] for name in ("error", "errors", "detail") if response.get(name)), None)


def _answered(
    message: Mapping[str, Any], choice: Mapping[str, Any], finish: str, usage: Mapping[str, Any], model: object,
    chat: bool,
) -> Completion:  # fmt: skip
    written, aside = _content(message.get("content" if chat else "text"))
    reasoned = aside or any(message.get(name) and message[name] is not True for name in _REASONING)
    steps = _steps(choice.get("logprobs"))
    start = answer_start(written) if written is not None else 0
    if written is not None and start != 0:
        reasoned = True
        written = None if start is None else written[start:]
    if reasoned or answer_start("".join(step.token for step in steps)) != 0:
        steps = _spelling(steps, written or "")
    thought = usage.get("completion_tokens_details")
    thinking = _count(thought.get("reasoning_tokens")) if isinstance(thought, Mapping) else None
    hidden = chat and written == "" and finish == "length"  # what it wrote is not shown
    if written is not None and not written.strip() and (reasoned or thinking or hidden):
        written, reasoned = None, True  # it only thought, and answered nothing
    refusal = message.get("refusal") or _refusal_part(message.get("content"))
    return Completion(
        content=written,
        finish=finish,
        steps=steps,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        refusal=refusal if isinstance(refusal, str) and refusal.strip() else None,
        reasoned=bool(reasoned),
        model=model if isinstance(model, str) else None,
    )


_REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks", "thoughts")


def _content(content: object) -> tuple[str | None, bool]:
    """The text, which may come in parts; whether parts of thoughts came with it."""
    if content is None:
        return None, False
    if isinstance(content, str):
        return _whole(content), False
    if isinstance(content, Mapping) and "text" in content:
        return _content([content])
    if isinstance(content, Sequence) and all(isinstance(part, Mapping | str) for part in content):
        parts = [part if isinstance(part, Mapping) else {"type": "text", "text": part} for part in content]
        texts = [_part_text(part.get("text")) for part in parts if part.get("type", "text") in ("text", "output_text")]
        aside = any("think" in str(part.get("type")) or "reason" in str(part.get("type")) for part in parts)
        return (_whole("".join(texts)) if texts else None), aside
    raise NoCompletionError(f"a content that is no text: {str(content)[:100]!r}")


def _part_text(text: object) -> str:
    """The text of a part; some servers put it one level deeper."""
    value = text.get("value") if isinstance(text, Mapping) else text
    return value if isinstance(value, str) else ""


def _refusal_part(content: object) -> object:
    parts = content if isinstance(content, list) else []
    return next((part.get("refusal") for part in parts if isinstance(part, Mapping) and part.get("refusal")), None)


def _reported(error: object) -> ReportedError:
    code = error.get("code") if isinstance(error, Mapping) else None
    status = error.get("status", code) if isinstance(error, Mapping) else None
    for known in (code, status):
        if isinstance(known, int | str) and str(known).isdecimal() and 400 <= int(known) < 600:
            return ReportedError(int(known), error)
    return ReportedError(None, error)


def _count(value: object) -> int | None:
    """A number of tokens; whatever else stands in its place is unknown."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 16:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return int(value)


def _steps(logprobs: object) -> tuple[Step, ...]:
    """The tokens of a completion, from the chat form (``content``) or the older one (parallel lists).

    None at all where one of them is no token: the text is read then.
    """
    if not isinstance(logprobs, Mapping):
        return ()
    try:
        if logprobs.get("content"):
            listed = [
                (e["token"], [(a["token"], a["logprob"]) for a in e["top_logprobs"]]) for e in logprobs["content"]
            ]
        else:
            pairs = zip(logprobs.get("tokens") or (), logprobs.get("top_logprobs") or (), strict=False)
            listed = [(token, list((top or {}).items())) for token, top in pairs]
        return tuple(Step(_token(token), {_token(t): p for t, p in top if _likely(p)}) for token, top in listed)
    except (LookupError, TypeError, AttributeError, ValueError):
        return ()


def _token(token: object) -> str:
    if not isinstance(token, str):
        raise ValueError(f"{token!r} is no token")
    return token


def _likely(logprob: object) -> bool:
    return isinstance(logprob, int | float) and not isinstance(logprob, bool) and math.isfinite(logprob)


def _spelling(steps: Sequence[Step], answer: str) -> tuple[Step, ...]:
    """The steps that spell the answer, of steps with thoughts before them; none where it begins within a token."""
    said, wanted = "".join(step.token for step in steps), answer.strip()
    found = said.rfind(wanted) if wanted else -1
    at = len(said)
    for number in reversed(range(len(steps))):
        at -= len(steps[number].token)
        if at <= found:
            return tuple(steps[number:]) if not said[at:found].strip() else ()
    return ()


def _whole(text: str) -> str:
    """Without half characters, which JSON can escape and UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode("utf-8")
