"""What a server can do of all that a run relies on, asked by a few small requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interplay_bench.dialogues.dialogue import Action, Persona, Role, Turn, View
from interplay_bench.dialogues.markup import ACTION_CLOSE, RESPONSE_OPEN
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.engines.endpoint.completion import Completion
from interplay_bench.engines.endpoint.endpoint_client import EndpointClient, FilteredError, PassingError, RejectedError
from interplay_bench.engines.endpoint.endpoint_model import SHOW_MARKUP
from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.environment.errors import BackendError, UsageError

CHAT = Prompt((Message("user", (Part(Channel.TURNS, "Count from one to five, in words."),)),))
PLAIN = Prompt((Message("user", (Part(Channel.TURNS, "one two three four five six seven"),)),), chat=False)
MARKED = training_prompt(
    View.of(
        Role.USER,
        Persona("Likes films set in space.", (), "A film set in space."),
        (Turn(Role.RECOMMENDER, Action.INQUIRE, "What would you like to watch tonight?"),),
    )
)
CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")
"""What servers call the length of their context, in their list of models."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing asked of a server. ``works``: ``None`` where it could not be known. ``said``: what was seen."""

    name: str
    works: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What was found. ``model``: its name there. ``context``: in tokens, where the server says. ``fine_tuned``: it
    speaks the markup in special tokens of its own."""

    model: str
    findings: tuple[Finding, ...]
    context: int | None
    fine_tuned: bool

    @property
    def usable(self) -> bool:
        """Whether a run can be made: a prompted model needs chats, a fine-tuned one plain completions."""
        works = {finding.name: finding.works for finding in self.findings}
        return bool(works["completions"] if self.fine_tuned else works["chat"])


def check_server(settings: EndpointSettings) -> ServerReport:
    """Ask the server of ``settings``; ``settings.model`` may be ``*``, for the only one that it has.

    Raises :class:`BackendError` where there is none, and :class:`UsageError` where the model must be named.
    """
    return asyncio.run(_ServerCheck(settings).report())


class _ServerCheck:
    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._client = EndpointClient(settings)

    async def report(self) -> ServerReport:
        try:
            model, context = await self._model()
            await self._client.close()
            self._client = EndpointClient(self._settings.model_copy(update={"model": model}))
            checks = (self._chat, self._chat_logprobs, self._completions, self._logprobs, self._markup, self._stop)
            findings = [await check() for check in (*checks, self._same)]
        finally:
            await self._client.close()
        length = f"{context} tokens" if context else "not said: set engine.max_context where a run's prompts are long"
        markup = next(finding for finding in findings if finding.name == "markup")
        findings.append(Finding("context", context is not None or None, length))
        return ServerReport(model, tuple(findings), context, bool(markup.works))

    async def _model(self) -> tuple[str, int | None]:
        """The model's name, and its context where the server's list says."""
        wanted = self._settings.model
        listed = await self._client.models()
        if wanted == "*" and len(listed) != 1:
            names = ", ".join(sorted(listed)) or "none that it lists"
            raise UsageError(f"Say which model: --model NAME. {self._client.shown_url} has {names}.")
        name = next(iter(listed)) if wanted == "*" else wanted
        entry = listed.get(name, {})
        about = {**entry, **(entry["meta"] if isinstance(entry.get("meta"), Mapping) else {})}
        lengths = [about[key] for key in CONTEXT_KEYS if isinstance(about.get(key), int)]
        return name, lengths[0] if lengths else None

    async def _chat(self) -> Finding:
        answer = await self._ask(CHAT, max_tokens=16)
        if isinstance(answer, str):
            return Finding("chat", False, answer)
        thinks = "; it thinks first, which counts as tokens" if answer.reasoned else ""
        return Finding("chat", bool(answer.text.strip()), f"answers {_shown(answer.text)}{thinks}")

    async def _chat_logprobs(self) -> Finding:
        return _alternatives(
            "chat log-probabilities", await self._ask(CHAT, max_tokens=4, logprobs=True, top_logprobs=20)
        )

    async def _completions(self) -> Finding:
        answer = await self._ask(PLAIN, max_tokens=4)
        if isinstance(answer, str):
            return Finding("completions", False, answer)
        return Finding("completions", bool(answer.text), f"goes on with {_shown(answer.text)}")

    async def _logprobs(self) -> Finding:
        return _alternatives("log-probabilities", await self._ask(PLAIN, max_tokens=4, logprobs=20))

    async def _markup(self) -> Finding:
        answer = await self._ask(MARKED, max_tokens=48, **SHOW_MARKUP)
        if isinstance(answer, str):
            return Finding("markup", None, f"not known: {answer}")
        if ACTION_CLOSE in answer.text and RESPONSE_OPEN in answer.text:
            tokens = await self._ask(MARKED, max_tokens=48, logprobs=1, **SHOW_MARKUP)
            if not isinstance(tokens, str) and _spelt_out(tokens):
                return Finding("markup", None, "none: a model that is prompted, and copies it letter by letter")
            return Finding("markup", True, "a fine-tuned simulator, whose markup is written out")
        return Finding("markup", None, "none: a model that is prompted, or one whose markup the server hides")

    async def _stop(self) -> Finding:
        whole = await self._ask(PLAIN, max_tokens=12)
        if isinstance(whole, str) or len(whole.text.strip()) < 3:
            return Finding("stop strings", None, "not known: nothing was written")
        middle = whole.text.strip()[1:3]
        answer = await self._ask(PLAIN, max_tokens=12, stop=[middle])
        if isinstance(answer, str):
            return Finding("stop strings", False, answer)
        ended = middle not in answer.text
        return Finding(
            "stop strings", ended, "end a text" if ended else "are ignored: texts are cut here, and cost more"
        )

    async def _same(self) -> Finding:
        answers = [await self._ask(CHAT, max_tokens=12, seed=0) for _ in range(2)]
        texts = {answer if isinstance(answer, str) else answer.text for answer in answers}
        said = "the same request, the same text" if len(texts) == 1 else "the same request gives different texts"
        return Finding("repeatable", len(texts) == 1, said)

    async def _ask(self, prompt: Prompt, **body: Any) -> Completion | str:
        """The answer, or why there is none."""
        try:
            return await self._client.ask(prompt, {"temperature": 0, **body})
        except (RejectedError, FilteredError) as error:
            return str(error)
        except PassingError as error:
            if error.hopeless:
                raise BackendError(str(error)) from None
            return str(error)
        except BackendError as error:
            if "kind of request" in str(error) or "404" in str(error):
                return str(error)
            raise


def _spelt_out(answer: Completion) -> bool:
    """Whether the markup is copied from the prompt in common tokens; a fine-tuned model has a token for each mark."""
    return bool(answer.steps) and all(step.token.strip() != ACTION_CLOSE for step in answer.steps)


def _alternatives(name: str, answer: Completion | str) -> Finding:
    if isinstance(answer, str):
        return Finding(name, False, f"{answer}: decisions are read from texts")
    most = max((len(step.alternatives) for step in answer.steps), default=0)
    if most < 2:
        return Finding(name, False, "none: decisions are read from texts")
    return Finding(name, True, f"{most} alternatives to a token")


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return json.dumps(line if len(line) <= 40 else line[:37] + "...", ensure_ascii=False)
