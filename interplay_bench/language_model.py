"""The one interface over language models: two verbs, always batched.

``choose`` says which of several continuations is likelier, ``generate`` writes one. An engine
(``interplay_bench/engines/``) sees the whole set of prompts at once, so that it can share work between them;
callers never notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Channel(StrEnum):
    """Where a piece of a prompt comes from; ``audit leaks`` reports by channel."""

    INSTRUCTIONS = "instructions"
    PERSONA = "persona"
    HISTORY = "history"
    ATTRIBUTES = "attributes"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message with its origin."""

    channel: Channel
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt; ``role`` is ``system``, ``user`` or ``assistant`` as in chat templates."""

    role: str
    parts: tuple[Part, ...]

    @property
    def content(self) -> str:
        """The text of all parts, joined without anything in between."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads.

    ``messages``: the first is the preamble (instructions, persona), the others are the turns so far, oldest
    first. A prompt that does not fit the context loses messages from index 1 on, never the first or the last.
    ``chat``: rendered through the model's chat template; otherwise the contents are concatenated as they are.
    ``prefix``: the beginning of the reply, already written.
    """

    messages: tuple[Message, ...]
    chat: bool = True
    prefix: str = ""

    def without_oldest(self) -> Prompt | None:
        """This prompt without its oldest turn; ``None`` where no turn can be left out."""
        if len(self.messages) <= 2:
            return None
        return Prompt((self.messages[0], *self.messages[2:]), self.chat, self.prefix)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to write: at most ``max_tokens``; ``temperature`` 0 is greedy; ``stop`` strings end a text and are not
    part of it; ``seed`` makes each row's text its own, whatever its batch. ``guided``: the text keeps
    the markup. A local engine bars structural tokens that would break it (where they are single ones of its model); a
    server is told in words what its answer begins with."""

    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    guided: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A model's answer to "which of these comes next?".

    ``index`` of the chosen continuation, ``None`` where the answer was none of them. ``logprobs``: log P of each
    whole continuation given the prompt (natural logarithm), where known. ``text``: what the model wrote, where
    the choice was read from generated text. ``dropped_turns``: how many turns did not fit the context.
    """

    index: int | None
    logprobs: tuple[float, ...] | None = None
    text: str | None = None
    dropped_turns: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """A written text (without the prompt and its prefix) with its token counts.

    ``finish`` is ``stop`` (end token or stop string) or ``length`` (``max_tokens`` reached).
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish: str = "stop"
    dropped_turns: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One prompt that the backend would not answer (a filter, a request it calls invalid); the others go on."""

    reason: str


Progress = Callable[[int], None]
"""Called with the number of prompts finished since the last call."""


class LanguageModel(Protocol):
    """An engine: results come in the order of the prompts."""

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """For each prompt, weigh ``choices`` as what comes directly after it."""
        ...

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """Continue each prompt."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Everything about this model and engine that can change an output, as JSON: for caches and records."""
        ...

    def usage(self) -> Mapping[str, int]:
        """What was done so far: requests, tokens, decisions by way of reading; for the run's record."""
        ...

    def close(self) -> None:
        """Release memory and connections."""
        ...
