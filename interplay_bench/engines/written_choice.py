"""Which choice a written answer is, and how likely each was: read off its tokens' log-probabilities, or its text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from interplay_bench.engines.endpoint.completion import Step


def weigh(steps: Sequence[Step], prefix: str, choices: Sequence[str]) -> tuple[int, tuple[float, ...]] | None:
    """Read the likelier choice, and the log-probability of each, at the token where the choices part.

    Where that token leaves several (``re-ask``, ``reject``, after ``re``), reading goes on among those. ``None`` where
    the text ends before they part, or no alternative there begins a choice.
    """
    text = "".join(step.token for step in steps)
    start = _reply_start(text, prefix)
    borne_out = _compatible(text, start, text, choices)
    live, scores = set(range(len(choices))), dict.fromkeys(range(len(choices)), 0.0)
    path, at = 0.0, 0
    for step in steps:
        before, at = text[:at], at + len(step.token)
        written = _compatible(text, start, text[:at], choices) & live
        if written == live:
            continue
        # What was written counts only if the rest of the text bears it out: "a" may begin "accept", or not.
        written = written if written & borne_out else set()
        heard: dict[int, list[float]] = {}
        for token, logprob in step.alternatives.items():
            reach = _compatible(text, start, before + token, choices) & live
            for index in written if token == step.token else reach if reach != live else ():
                heard.setdefault(index, []).append(logprob)
        if not heard or len(step.alternatives) < 2:
            return None
        floor = min(step.alternatives.values())
        scores |= {index: path + (_log_sum(heard[index]) if index in heard else floor) for index in live}
        if len(written) <= 1:
            return max(scores, key=lambda i: (scores[i], i in heard)), tuple(scores.values())
        live, path = written, max(scores[index] for index in written)
    return None


def _compatible(text: str, start: int, written: str, choices: Sequence[str]) -> set[int]:
    """Which choices ``written`` may still become, where the reply begins at ``text[start]``."""
    if len(written) <= start or not written.startswith(text[:start]):
        return set(range(len(choices))) if text[:start].startswith(written) else set()
    reply = written[start:].lstrip()
    return {i for i, c in enumerate(choices) if c.strip().startswith(reply) or _begins(reply, c.strip())}


def spoken(text: str, prefix: str, choices: Sequence[str]) -> int | None:
    """Which choice the text begins with, after the prefix; the longest, where one begins another."""
    reply = text[_reply_start(text, prefix) :].lstrip()
    said = [i for i, choice in enumerate(choices) if _begins(reply, choice.strip())]
    return max(said, key=lambda i: len(choices[i]), default=None)


def _begins(reply: str, choice: str) -> bool:
    """Whether ``reply`` begins with ``choice`` as a word of its own: "nothing" does not begin with "no"."""
    rest = reply[len(choice) :]
    return reply.startswith(choice) and not (choice[-1:].isalnum() and rest[:1].isalnum())


def _reply_start(text: str, prefix: str) -> int:
    """Where the reply proper begins: after the prefix, or at the start where the model left that out."""
    expected = prefix.strip()
    found = text.find(expected) if expected else -1
    return found + len(expected) if found >= 0 else 0


def after_prefix(text: str, prefix: str) -> str:
    """``text`` without the prefix that it repeats at its beginning."""
    expected, written = prefix.strip(), text.lstrip()
    return written.removeprefix(expected) if expected and written.startswith(expected) else text


def until_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """``text`` up to the first stop string, for servers that leave it in or do not know it."""
    cut = min((at for at in (text.find(stop) for stop in stops if stop) if at >= 0), default=-1)
    return (text[:cut], True) if cut >= 0 else (text, False)


def _log_sum(logprobs: Sequence[float]) -> float:
    top = max(logprobs)
    return top + math.log(sum(math.exp(value - top) for value in logprobs)) if len(logprobs) > 1 else top
