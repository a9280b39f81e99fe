"""A language model behind an OpenAI-compatible server: vLLM, llama.cpp, OpenAI and the like.

Prompts with the same preamble are one dialogue: their requests go one after the other, so that the server's own
prefix cache serves them, while dialogues run side by side. What the server has answered is kept in a
:class:`~interplay_bench.engines.endpoint.response_cache.ResponseCache`.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Self, TypeVar

from interplay_bench.dialogues.markup import ACTION_CLOSE, ACTION_OPEN
from interplay_bench.dialogues.prompt import Channel, Part, Prompt
from interplay_bench.engines.endpoint.background_loop import BackgroundLoop
from interplay_bench.engines.endpoint.completion import Completion
from interplay_bench.engines.endpoint.endpoint_client import EndpointClient, FilteredError, PassingError, RejectedError
from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.endpoint.response_cache import ResponseCache, response_key
from interplay_bench.engines.language_model import Choice, Generation, Refusal, Sampling
from interplay_bench.engines.written_choice import after_prefix, spoken, until_stop, weigh
from interplay_bench.environment.errors import BackendError

R = TypeVar("R", Choice, Generation)

_TOP_LOGPROBS = (20, 5, None)
"""How many alternatives a decision asks for: as many as any server gives, then what OpenAI's completions give,
then none (the decision is read from the text)."""
_DECISION_TOKENS = 24
"""The least room for the text of a decision; it must reach the token at which the choices part."""
_SHORTEST_WAIT = 0.5
"""Seconds before the first retry; each further one waits twice as long."""
SHOW_MARKUP = {"skip_special_tokens": False, "spaces_between_special_tokens": False}
"""The markup's tokens are special ones of a fine-tuned model, which servers hide where they are not told otherwise."""

_COUNTED = (
    *("decisions_by_logprobs", "decisions_by_text", "decisions_unread"),
    *("requests", "retries", "cache_hits", "refusals", "prompt_tokens", "completion_tokens"),
)


class EndpointModel:
    """The two verbs over a server; close it, or use it in a ``with`` statement, to give its connections back.

    ``choose`` asks for a short greedy answer with log-probabilities and reads, at the token where the choices part,
    how likely the server held each of them: ``Choice.logprobs`` are those of that token, not normalised over the
    choices; a choice outside the server's list gets the least likely alternative's, which is its upper bound.
    Where the server gives none, the choice is read from the answer, which is then in ``Choice.text``.
    The prefix of a chat prompt is not sent, for few servers continue an assistant's message; it is what the answer
    is expected to begin with, and where the text is guided, the prompt says so.

    Only what the model finally says is read, never what it thought. A field that the server refuses by name, and that
    the request can do without, is left out from then on. A server that is down, refuses the key, answers garbage, or
    refuses every prompt raises :class:`BackendError`; a single prompt that it will not answer becomes a
    :class:`Refusal`. Faults that pass are retried; a wrong address is told at once, since a fault before the first
    answer is taken for one.
    """

    def __init__(self, settings: EndpointSettings, cache: ResponseCache | None = None) -> None:
        self.settings = settings
        self.client = EndpointClient(settings)
        self._cache = cache if settings.cache == "on" else None
        self._counts: Counter[str] = Counter()
        self._top: dict[bool, int | None] = {True: _TOP_LOGPROBS[0], False: _TOP_LOGPROBS[0]}
        self._left_out: set[str] = set()
        self._limit = "max_tokens"
        self._folds = False
        self._answered = False
        self._shown_markup = False
        self._served: str | None = None
        self._loop: BackgroundLoop | None = None
        self._random = random.Random()

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """For each prompt, weigh ``choices`` as what comes directly after it."""
        asked = {"verb": "choose", "choices": list(choices)}
        results = self._all(
            prompts, lambda p: self._kept(p, asked, lambda q: self._decide(q, choices), _choice_from_json)
        )
        self._check_markup(prompts, results)
        self._counts.update(_way(result) for result in results if isinstance(result, Choice))
        return results

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """Write each prompt's continuation."""
        asked = {"verb": "generate", "sampling": asdict(sampling)}
        results = self._all(
            prompts, lambda p: self._kept(p, asked, lambda q: self._write(q, sampling), lambda d: Generation(**d))
        )
        self._check_markup(prompts, results)
        return results

    def identity(self) -> Mapping[str, object]:
        """The server, the model's name there, and the fields sent with each request; nothing secret."""
        return {
            "engine": "endpoint",
            "base_url": self.client.shown_url,
            "model": self.settings.model,
            "extra_body": dict(self.settings.extra_body),
            "top_logprobs": _TOP_LOGPROBS[0],
        }

    def usage(self) -> Mapping[str, int]:
        """What happened so far, answers from the cache included in the decisions but not in the tokens.

        Every decision is one of ``decisions_by_logprobs``, ``decisions_by_text`` and ``decisions_unread``.
        ``left_out_FIELD``: the server refused the field, and the requests did without it.
        """
        return {
            **{name: self._counts[name] for name in _COUNTED},
            **{f"left_out_{field}": 1 for field in sorted(self._left_out)},
        }

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._loop is None:
            return
        self._loop.run(self.client.close())
        self._loop.close()
        self._loop = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _all(self, prompts: Sequence[Prompt], work: Callable[[Prompt], Awaitable[R | Refusal]]) -> list[R | Refusal]:
        self._loop = self._loop or BackgroundLoop()
        results = self._loop.run(self._dialogues(prompts, work))
        reasons = [result.reason for result in results if isinstance(result, Refusal)]
        if len(reasons) == self._counts["rejections"] > 0 and len(results) == len(reasons) and not self._answered:
            raise BackendError(f"{self.client.shown_url} refuses every request: {reasons[0]}")
        return results

    async def _dialogues(
        self, prompts: Sequence[Prompt], work: Callable[[Prompt], Awaitable[R | Refusal]]
    ) -> list[R | Refusal]:
        """Dialogues side by side, the prompts of each in order; the first error ends them all."""
        groups: dict[tuple[bool, str], list[int]] = {}
        for index, prompt in enumerate(prompts):
            preamble = prompt.messages[0].content if prompt.messages else ""
            groups.setdefault((prompt.chat, preamble), []).append(index)
        slots = asyncio.Semaphore(self.settings.concurrency)
        results: dict[int, R | Refusal] = {}

        async def dialogue(indices: list[int]) -> None:
            async with slots:
                for index in indices:
                    results[index] = await work(prompts[index])

        try:
            async with asyncio.TaskGroup() as tasks:
                for indices in groups.values():
                    tasks.create_task(dialogue(indices))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [results[index] for index in range(len(prompts))]

    async def _kept(
        self,
        prompt: Prompt,
        asked: Mapping[str, object],
        ask: Callable[[Prompt], Awaitable[R]],
        revive: Callable[[dict[str, Any]], R],
    ) -> R | Refusal:
        """The result from the cache, or from the server and then kept."""
        messages = [[message.role, message.content] for message in prompt.messages]
        server = hashlib.sha256(
            self.client.url.encode()
        ).hexdigest()  # with its user and its query, which identity hides
        key = response_key({
            **self.identity(), **asked, "server": server, "messages": messages, "chat": prompt.chat,
            "prefix": prompt.prefix,
        })  # fmt: skip
        known = self._cache.get(key) if self._cache else None
        if known is not None:
            self._heard(known["served"], "An answer in the cache")
            self._counts["cache_hits"] += 1
            return revive(known["result"])
        result = await self._fitted(prompt, ask)
        # How much fits, and what is refused, is the server's configuration: it may be corrected, and is asked again.
        if self._cache and not isinstance(result, Refusal) and not result.dropped_turns:
            self._cache.put(key, {"served": self._served, "result": asdict(result)})
        return result

    def _heard(self, served: str | None, what: str) -> None:
        """See that one model answers throughout: behind an address may stand another than before."""
        if served is None:
            return
        if self._served is None:
            self._served = served
        elif served != self._served:
            raise BackendError(
                f"{what} is of the model {served!r}, and others of {self._served!r}, all from {self.client.shown_url}: "
                "another model stands behind it now. Set engine.cache=off, or name each by an address of its own."
            )

    async def _fitted(self, prompt: Prompt, ask: Callable[[Prompt], Awaitable[R]]) -> R | Refusal:
        """Ask; where the prompt is too long, ask again without its oldest turn.

        A prompt that has lost one turn loses the next at any rejection: many chat templates want the roles to
        alternate, and begin with the user's.
        """
        dropped = 0
        while True:
            try:
                result = await ask(prompt)
            except RejectedError as rejection:
                shorter = prompt.without_oldest() if rejection.fault.too_long or dropped else None
                if shorter is None:
                    self._counts["refusals"] += 1
                    self._counts["rejections"] += not rejection.fault.too_long
                    return Refusal(str(rejection))
                prompt, dropped = shorter, dropped + 1
            except FilteredError as filtered:
                self._counts["refusals"] += 1
                return Refusal(str(filtered))
            else:
                return _with_dropped(result, dropped)

    async def _decide(self, prompt: Prompt, choices: Sequence[str]) -> Choice:
        answer = await self._decision(prompt, choices)
        prefix = prompt.prefix if prompt.chat else ""
        weighed = weigh(answer.steps, prefix, choices)
        if weighed is not None:
            return Choice(*weighed)
        return Choice(spoken(answer.text, prefix, choices), text=answer.text)

    async def _decision(self, prompt: Prompt, choices: Sequence[str]) -> Completion:
        """A short greedy answer, with as many alternatives per token as the server gives."""
        longest = max(len(choice) for choice in choices) + (len(prompt.prefix) if prompt.chat else 0)
        body = {"max_tokens": max(_DECISION_TOKENS, longest // 2), "temperature": 0}
        for top in _TOP_LOGPROBS[_TOP_LOGPROBS.index(self._top[prompt.chat]) :]:
            wanted = {"logprobs": True, "top_logprobs": top} if prompt.chat else {"logprobs": top}
            try:
                answer = await self._request(prompt, body | wanted if top else body)
            except RejectedError as rejection:
                if top is None or not rejection.fault.about_logprobs:
                    raise
            else:
                self._top[prompt.chat] = top
                return answer
        raise AssertionError("the last request asks for no log-probabilities")

    async def _write(self, prompt: Prompt, sampling: Sampling) -> Generation:
        body: dict[str, Any] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            **({"top_p": sampling.top_p} if sampling.top_p < 1 else {}),  # some servers refuse what changes nothing
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
        }
        answer = await self._request(_told_to_begin(prompt) if sampling.guided and prompt.chat else prompt, body)
        text = after_prefix(answer.text, prompt.prefix) if prompt.chat else answer.text
        text, stopped = until_stop(text, sampling.stop)
        finish = "length" if answer.finish == "length" and not stopped else "stop"
        return Generation(text, answer.prompt_tokens, answer.completion_tokens, finish)

    def _check_markup(self, prompts: Sequence[Prompt], results: Sequence[Choice | Generation | Refusal]) -> None:
        """Raise where a fine-tuned model's first answers go on within the markup, and come without any of it."""
        answers = [
            None if isinstance(result, Choice) and result.index is not None else result.text
            for prompt, result in zip(prompts, results, strict=True)
            if prompt.prefix.endswith(ACTION_OPEN) and not prompt.chat and not isinstance(result, Refusal)
        ]
        if self._shown_markup or not any(answers):
            return
        if all(text is not None and ACTION_CLOSE not in text for text in answers):
            raise BackendError(
                f"{self.client.shown_url} hides the markup's tokens: none of its first {len(answers)} texts has any. "
                "It ignores skip_special_tokens=false; start it so that it writes them, or run the model here "
                "(engine.kind=transformers)."
            )
        self._shown_markup = True

    async def _request(self, prompt: Prompt, body: Mapping[str, Any]) -> Completion:
        """Ask until there is an answer; what the server refuses by name, and can be done without, is left out, and a
        system's message that its chat template does not take is told by the user."""
        fields = dict(body) if prompt.chat else {**body, **SHOW_MARKUP}
        while True:
            sent = {key: value for key, value in fields.items() if key not in self._left_out}
            sent[self._limit] = sent["max_tokens"]
            try:
                return await self._retried(prompt.with_system_folded() if self._folds else prompt, sent)
            except RejectedError as rejection:
                refused = rejection.fault.refused_field(sent)
                if rejection.fault.newer_limit and self._limit == "max_tokens":
                    self._limit = "max_completion_tokens"
                elif refused is not None:
                    self._left_out.add(refused)
                elif rejection.fault.about_roles and prompt.chat and not self._folds:
                    self._folds = True
                else:
                    raise

    async def _retried(self, prompt: Prompt, body: Mapping[str, Any]) -> Completion:
        for attempt in range(self.settings.max_retries + 1):
            if attempt:
                self._counts["retries"] += 1
            self._counts["requests"] += 1
            try:
                answer = await self.client.ask(prompt, body)
            except PassingError as fault:
                if fault.hopeless and not self._answered:
                    raise BackendError(str(fault)) from None
                if attempt == self.settings.max_retries:
                    times = f"{attempt + 1} attempts" if attempt else "1 attempt"
                    raise BackendError(f"{fault} Given up after {times}.") from None
                await asyncio.sleep(self._wait(attempt, fault.retry_after))
            else:
                self._answered = True
                self._heard(answer.model, "An answer")
                self._counts["prompt_tokens"] += answer.prompt_tokens or 0
                self._counts["completion_tokens"] += answer.completion_tokens or 0
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds until the next attempt; jitter keeps the dialogues from coming back all at once."""
        if retry_after is not None:
            return min(retry_after, self.settings.max_wait)
        return min(_SHORTEST_WAIT * 2.0**attempt, self.settings.max_wait) * self._random.uniform(0.5, 1)


def _told_to_begin(prompt: Prompt) -> Prompt:
    """``prompt`` with its prefix asked for in words, at the end of the last message."""
    *before, last = prompt.messages
    asked = Part(Channel.INSTRUCTIONS, f"\n\n(Begin your answer with exactly: {prompt.prefix})")
    return replace(prompt, messages=(*before, replace(last, parts=(*last.parts, asked))))


def _with_dropped(result: R, dropped: int) -> R:
    return replace(result, dropped_turns=dropped) if dropped else result


def _choice_from_json(data: Mapping[str, Any]) -> Choice:
    logprobs = data["logprobs"]
    return Choice(**{**data, "logprobs": None if logprobs is None else tuple(logprobs)})


def _way(choice: Choice) -> str:
    if choice.logprobs is not None:
        return "decisions_by_logprobs"
    return "decisions_unread" if choice.index is None else "decisions_by_text"
