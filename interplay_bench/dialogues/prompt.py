"""What a language model reads: messages made of parts, each with the channel that it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


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
    ``prefix``: the beginning of the reply, already written. ``named``: the ids of the items that a reply which is bound
    to a catalogue does not name again.
    """

    messages: tuple[Message, ...]
    chat: bool = True
    prefix: str = ""
    named: frozenset[str] = frozenset()

    def without_oldest(self) -> Prompt | None:
        """This prompt without its oldest turn; ``None`` where no turn can be left out."""
        if len(self.messages) <= 2:
            return None
        return replace(self, messages=(self.messages[0], *self.messages[2:]))

    def with_system_folded(self) -> Prompt:
        """This prompt with the system's message at the head of the user's first, for chat templates that take none."""
        if not self.messages or self.messages[0].role != "system":
            return self
        system, *rest = self.messages
        if rest and rest[0].role == "user":
            between = Part(Channel.INSTRUCTIONS, "\n\n")
            rest[0] = Message("user", (*system.parts, between, *rest[0].parts))
            return replace(self, messages=tuple(rest))
        return replace(self, messages=(Message("user", system.parts), *rest))
