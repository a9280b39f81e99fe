"""The one interface over language models: two verbs, always batched.

``choose`` says which of several continuations is likelier, ``generate`` writes one. An engine
(``interplay_bench/engines/``) sees the whole set of prompts at once, so that it can share work between them;
callers never notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from interplay_bench.dialogues.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to write: at most ``max_tokens``; ``temperature`` 0 is greedy; ``stop`` strings end a text and are not
    part of it; ``seed`` makes each row's text its own, whatever its batch. ``guided``: the text keeps
    the markup. A local engine bars structural tokens that would break it (where they are single ones of its model); a
    server is told in words what its answer begins with. ``"catalogue"``: its titles are besides those that the engine
    was bound to (:class:`BindsTitles`), less the items that the prompt calls named, or the text has named."""

    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    guided: Literal["catalogue"] | bool = False


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

    ``finish`` is ``stop`` (end token or stop string) or ``length`` (``max_tokens`` reached). ``left_catalogue``: for
    each title of a text that was bound to a catalogue, the probability that free decoding (at temperature 1) would have
    left the catalogue's titles at one of its tokens; in [0, 1]; ``None`` where the engine does not know.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish: str = "stop"
    dropped_turns: int = 0
    left_catalogue: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One prompt that the backend would not answer (a filter, a request it calls invalid); the others go on."""

    reason: str


UNBOUND = "guided = 'catalogue' needs a catalogue, and this engine was bound to none: call its bind() first."
UNMARKED = (
    "guided = 'catalogue' binds models that have the markup's tokens, and this one spells titles in ordinary tokens: "
    "take a fine-tuned one."
)
NOT_A_NUMBER = (
    "The model's scores are not numbers: its weights overflow in this dtype, or are damaged. Try --dtype float32, or "
    "fetch the checkpoint again."
)
Progress = Callable[[int], None]
"""Called with the number of prompts finished since the last call."""


class LanguageModel(Protocol):
    """An engine: results come in the order of the prompts. One that subclasses this need not count nor close."""

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
        return {}

    def close(self) -> None:
        """Release memory and connections."""


@runtime_checkable
class BindsTitles(Protocol):
    """An engine that can keep the titles of a text to those of a catalogue."""

    def bind(self, titles: Mapping[str, str]) -> None:
        """From now on titles are ``titles``: how each is written, and the id of the item that it names.

        Raises :class:`IncompatibleModelError` for a model that spells the markup in ordinary tokens.
        """
        ...


@runtime_checkable
class Renders(Protocol):
    """An engine that can show the very text that a prompt becomes."""

    def rendered(self, prompt: Prompt) -> str:
        """The text through the model's chat template, the prompt's prefix last."""
        ...
