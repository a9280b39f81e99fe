"""A language model behind an OpenAI-compatible server: vLLM, llama.cpp, OpenAI and the like.

Prompts with the same preamble are one dialogue: their requests go one after the other, so that the server's own
prefix cache serves them, while dialogues run side by side. What the server has answered is kept in a
:class:`~interplay_bench.engines.response_cache.ResponseCache`.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field

from interplay_bench.engines.background_loop import BackgroundLoop
from interplay_bench.engines.completion import Completion, read_completion
from interplay_bench.engines.response_cache import ResponseCache, response_key
from interplay_bench.engines.written_choice import after_prefix, spoken, until_stop, weigh
from interplay_bench.errors import BackendError, UsageError
from interplay_bench.language_model import Channel, Choice, Generation, Part, Prompt, Refusal, Sampling

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

T = TypeVar("T")
R = TypeVar("R", Choice, Generation)

_TOP_LOGPROBS = (20, 5, None)
"""How many alternatives a decision asks for: as many as any server gives, then what OpenAI's completions give,
then none (the decision is read from the text)."""
_DECISION_TOKENS = 24
"""The least room for the text of a decision; it must reach the token at which the choices part."""
_CONNECT_SECONDS = 10.0
_SHORTEST_WAIT = 0.5
"""Seconds before the first retry; each further one waits twice as long."""

_COUNTED = (
    *("decisions_by_logprobs", "decisions_by_text", "decisions_unread"),
    *("requests", "retries", "cache_hits", "refusals", "prompt_tokens", "completion_tokens"),
)

_TOO_LONG = re.compile(
    r"context.{0,3}(length|size|window)|maximum (model )?length|max_model_len|too long|exceeds? the (limit|maximum)"
    r"|inputs. tokens",
    re.IGNORECASE,
)
_LOGPROBS = re.compile(r"log_?prob|logits_all", re.IGNORECASE)


class EndpointSettings(BaseModel):
    """Where the model is and how to ask it.

    ``base_url`` ends in ``/v1`` on most servers; without one, ``$OPENAI_BASE_URL`` or else OpenAI's own.
    ``api_key_env`` names the environment variable with the key, which is written nowhere; servers that want none
    need none. ``concurrency``: how many requests are under way at once. ``timeout``: seconds for one request.
    ``max_retries`` of one request, with waits that double from 0.5 s to ``max_wait`` seconds; a server's Retry-After
    is honoured up to the same. ``extra_body``: fields laid over each request's own, such as
    ``{"chat_template_kwargs": {"enable_thinking": false}}``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = Field(default=16, ge=1)
    timeout: float = Field(default=120.0, gt=0)
    max_retries: int = Field(default=5, ge=0)
    max_wait: float = Field(default=60.0, ge=0)
    extra_body: Mapping[str, Any] = Field(default_factory=dict)


class EndpointModel:
    """The two verbs over a server; close it, or use it in a ``with`` statement, to give its connections back.

    ``choose`` asks for a short greedy answer with log-probabilities and reads, at the token where the choices part,
    how likely the server held each of them: ``Choice.logprobs`` are those of that token, not normalised over the
    choices; a choice outside the server's list gets the least likely alternative's, which is its upper bound.
    Where the server gives none, the choice is read from the answer, which is then in ``Choice.text``.
    The prefix of a chat prompt is not sent, for few servers continue an assistant's message; it is what the answer
    is expected to begin with, and where the text is guided, the prompt says so.

    A server that is down, refuses the key or answers garbage raises :class:`~interplay_bench.errors.BackendError`;
    a prompt that it will not answer becomes a :class:`~interplay_bench.language_model.Refusal`. Faults that pass are
    retried; a wrong address is told at once, since a fault before the first answer is taken for one.
    """

    def __init__(self, settings: EndpointSettings, cache: ResponseCache | None = None) -> None:
        self.settings = settings
        self._url = settings.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._shown_url = _without_credentials(self._url)
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise UsageError(f"base_url must begin with http:// or https://, unlike {self._shown_url!r}.")
        self._key = os.environ.get(settings.api_key_env, "").strip()
        self._cache = cache
        self._counts: Counter[str] = Counter()
        self._top: dict[bool, int | None] = {True: _TOP_LOGPROBS[0], False: _TOP_LOGPROBS[0]}
        self._answered = False
        self._loop: BackgroundLoop | None = None
        self._client: AsyncOpenAI | None = None
        self._random = random.Random()

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """For each prompt, weigh ``choices`` as what comes directly after it."""
        asked = {"verb": "choose", "choices": list(choices)}
        results = self._all(
            prompts, lambda p: self._kept(p, asked, lambda q: self._decide(q, choices), _choice_from_json)
        )
        self._counts.update(_way(result) for result in results if isinstance(result, Choice))
        return results

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """Write each prompt's continuation."""
        asked = {"verb": "generate", "sampling": asdict(sampling)}
        return self._all(
            prompts, lambda p: self._kept(p, asked, lambda q: self._write(q, sampling), lambda d: Generation(**d))
        )

    def identity(self) -> Mapping[str, object]:
        """The server, the model's name there, and the fields sent with each request; nothing secret."""
        return {
            "engine": "endpoint",
            "base_url": self._shown_url,
            "model": self.settings.model,
            "extra_body": dict(self.settings.extra_body),
            "top_logprobs": _TOP_LOGPROBS[0],
        }

    def usage(self) -> Mapping[str, int]:
        """What happened so far, answers from the cache included in the decisions but not in the tokens.

        Every decision is one of ``decisions_by_logprobs``, ``decisions_by_text`` and ``decisions_unread``.
        """
        return {name: self._counts[name] for name in _COUNTED}

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._loop is None:
            return
        if self._client is not None:
            self._loop.run(self._client.close())
        self._loop.close()
        self._loop = self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _all(self, prompts: Sequence[Prompt], work: Callable[[Prompt], Awaitable[T]]) -> list[T]:
        self._loop = self._loop or BackgroundLoop()
        return self._loop.run(self._dialogues(prompts, work))

    async def _dialogues(self, prompts: Sequence[Prompt], work: Callable[[Prompt], Awaitable[T]]) -> list[T]:
        """Dialogues side by side, the prompts of each in order; the first error ends them all."""
        groups: dict[tuple[bool, str], list[int]] = {}
        for index, prompt in enumerate(prompts):
            preamble = prompt.messages[0].content if prompt.messages else ""
            groups.setdefault((prompt.chat, preamble), []).append(index)
        slots = asyncio.Semaphore(self.settings.concurrency)
        results: dict[int, T] = {}

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
        key = response_key(
            {**self.identity(), **asked, "messages": messages, "chat": prompt.chat, "prefix": prompt.prefix}
        )
        known = self._cache.get(key) if self._cache else None
        if known is not None:
            self._counts["cache_hits"] += 1
            return revive(known)
        result = await self._fitted(prompt, ask)
        # How much fits, and what is refused, is the server's configuration: it may be mended, and is asked again.
        if self._cache and not isinstance(result, Refusal) and not result.dropped_turns:
            self._cache.put(key, asdict(result))
        return result

    async def _fitted(self, prompt: Prompt, ask: Callable[[Prompt], Awaitable[R]]) -> R | Refusal:
        """Ask; where the prompt is too long, ask again without its oldest turn.

        A prompt that has lost one turn loses the next at any rejection: many chat templates want the roles to
        alternate, and begin with the user's.
        """
        dropped = 0
        while True:
            try:
                result = await ask(prompt)
            except _RejectedError as rejection:
                shorter = prompt.without_oldest() if rejection.too_long or dropped else None
                if shorter is None:
                    self._counts["refusals"] += 1
                    return Refusal(str(rejection))
                prompt, dropped = shorter, dropped + 1
            except _FilteredError as filtered:
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
            except _RejectedError as rejection:
                if top is None or not rejection.about_logprobs:
                    raise
            else:
                self._top[prompt.chat] = top
                return answer
        raise AssertionError("the last request asks for no log-probabilities")

    async def _write(self, prompt: Prompt, sampling: Sampling) -> Generation:
        body: dict[str, Any] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        answer = await self._request(_told_to_begin(prompt) if sampling.guided and prompt.chat else prompt, body)
        text = after_prefix(answer.text, prompt.prefix) if prompt.chat else answer.text
        text, stopped = until_stop(text, sampling.stop)
        finish = "length" if answer.finish == "length" and not stopped else "stop"
        return Generation(text, answer.prompt_tokens, answer.completion_tokens, finish)

    async def _request(self, prompt: Prompt, body: Mapping[str, Any]) -> Completion:
        for attempt in range(self.settings.max_retries + 1):
            if attempt:
                self._counts["retries"] += 1
            try:
                answer = await self._once(prompt, body)
            except _PassingError as fault:
                if fault.hopeless and not self._answered:
                    raise BackendError(str(fault)) from None
                if attempt == self.settings.max_retries:
                    times = f"{attempt + 1} attempts" if attempt else "1 attempt"
                    raise BackendError(f"{fault} Given up after {times}.") from None
                await asyncio.sleep(self._wait(attempt, fault.retry_after))
            else:
                self._answered = True
                self._counts["prompt_tokens"] += answer.prompt_tokens or 0
                self._counts["completion_tokens"] += answer.completion_tokens or 0
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds until the next attempt; jitter keeps the dialogues from coming back all at once."""
        if retry_after is not None:
            return min(retry_after, self.settings.max_wait)
        return min(_SHORTEST_WAIT * 2.0**attempt, self.settings.max_wait) * self._random.uniform(0.5, 1)

    async def _once(self, prompt: Prompt, body: Mapping[str, Any]) -> Completion:
        from openai import APIConnectionError, APIStatusError

        self._counts["requests"] += 1
        try:
            async with asyncio.timeout(self.settings.timeout):
                text = await self._post(prompt, dict(body))
        except TimeoutError:
            raise _PassingError(
                f"{self._shown_url} does not answer within {self.settings.timeout:g} s. Raise timeout, or lower "
                f"concurrency (now {self.settings.concurrency})."
            ) from None
        except APIConnectionError as error:
            raise self._unreachable(error) from None
        except APIStatusError as error:
            raise await self._status_fault(error, "logprobs" in body) from None
        return self._read(text, prompt.chat)

    async def _post(self, prompt: Prompt, body: dict[str, Any]) -> str:
        """Send one request; return the text of the response's body."""
        client = self._connected()
        extra = body | dict(self.settings.extra_body)
        if "max_completion_tokens" in extra:  # OpenAI's newer models take no max_tokens beside it
            del extra["max_tokens"]
        if prompt.chat:
            messages: Any = [{"role": message.role, "content": message.content} for message in prompt.messages]
            chat = client.chat.completions.with_raw_response
            return (await chat.create(model=self.settings.model, messages=messages, extra_body=extra)).text
        text = "".join(message.content for message in prompt.messages) + prompt.prefix
        plain = client.completions.with_raw_response
        return (await plain.create(model=self.settings.model, prompt=text, extra_body=extra)).text

    def _connected(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI, Timeout

        if self._client is None:
            # Retries and the time limit are ours: the client's own neither count nor explain themselves.
            # It insists on a key even where the server wants none.
            timeout = Timeout(None, connect=_CONNECT_SECONDS)
            key = self._key or "none"
            self._client = AsyncOpenAI(api_key=key, base_url=self._url, max_retries=0, timeout=timeout)
        return self._client

    def _read(self, text: str, chat: bool) -> Completion:
        """Take a response apart; anything but a completion is a fault of the server."""
        try:
            response = json.loads(text)
        except ValueError:
            raise self._garbage(f"no JSON, but {self._quoted(text)!r}") from None
        try:
            answer = read_completion(response, chat)
        except (LookupError, TypeError, AttributeError, ValueError):
            raise self._garbage(f"JSON without choices: {self._quoted(text)!r}") from None
        if answer.refusal is not None:
            raise _FilteredError(self._quoted(answer.refusal))
        if answer.finish == "content_filter":
            raise _FilteredError("stopped by the server's content filter")
        if answer.content is None:
            hint = " A model that thinks first used up max_tokens: switch thinking off through extra_body."
            raise self._garbage("a choice without content", hint if answer.reasoned else "")
        return answer

    def _garbage(self, what: str, mend: str = "") -> _PassingError:
        mend = mend or " Is base_url that of an OpenAI-compatible server (most end in /v1)?"
        return _PassingError(f"{self._shown_url} answers {what}.{mend}", hopeless=True)

    def _unreachable(self, error: BaseException) -> _PassingError:
        causes = list(_causes(error))
        mend = "set base_url (or OPENAI_BASE_URL) to where it is"
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return _PassingError(f"The host of {self._shown_url} is unknown: {mend}.", hopeless=True)
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return _PassingError(
                f"No server at {self._shown_url} (connection refused): start it, or {mend}.", hopeless=True
            )
        # The client's own error says "Connection error."; its cause says which. By name: the transport is not ours.
        cause = causes[min(1, len(causes) - 1)]
        said = self._quoted(str(cause)) or type(cause).__name__
        hopeless = type(cause).__name__ in ("ConnectError", "ConnectTimeout")
        return _PassingError(
            f"No connection to {self._shown_url} ({said}): see that the server runs, or {mend}.", hopeless=hopeless
        )

    async def _status_fault(self, error: APIStatusError, with_logprobs: bool) -> Exception:
        """What a status of 400 and above means, to a request that asked for log-probabilities or not."""
        status, said = error.status_code, self._said(error)
        answers = f"{self._shown_url} answers {status} ({said})"
        too_long = status in (400, 413, 422, 500) and bool(_TOO_LONG.search(said))
        about_logprobs = with_logprobs and bool(_LOGPROBS.search(said))
        if status in (400, 413, 422) or too_long or (about_logprobs and status >= 500):
            return _RejectedError(f"HTTP {status}: {said}", too_long=too_long, about_logprobs=about_logprobs)
        if status in (401, 403):
            state = "holds a key that it refuses" if self._key else "is not set"
            return BackendError(f"{answers}: the environment variable {self.settings.api_key_env} {state}.")
        if status == 404:
            return BackendError(f"{answers}: {await self._whats_there()}")
        if status == 429:
            mend = f"Lower concurrency (now {self.settings.concurrency}), or raise max_retries or max_wait."
            return _PassingError(
                f"{answers}: too many requests. {mend}", retry_after=_retry_after(error.response.headers)
            )
        if status in (408, 409, 425) or status >= 500:
            after = _retry_after(error.response.headers)
            return _PassingError(f"{answers}. See the server's log.", retry_after=after)
        return BackendError(f"{answers}. Check base_url and extra_body.")

    async def _whats_there(self) -> str:
        """The mend of a 404: which models there are, where the server tells."""
        wanted = self.settings.model
        try:
            async with asyncio.timeout(min(10, self.settings.timeout)):
                listed = json.loads((await self._connected().models.with_raw_response.list()).text)
            names = sorted(str(entry["id"]) for entry in listed["data"])
        except Exception:  # (whatever is wrong with the list, the 404 is the error to report)
            return "check the model's name and base_url (most end in /v1)."
        if wanted in names:
            return f"it has the model {wanted!r}, but not for this kind of request."
        near = difflib.get_close_matches(wanted, names, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        return f"it has no model {wanted!r}.{guess} Available: {', '.join(names) or 'none'}."

    def _said(self, error: APIStatusError) -> str:
        """The server's own words, out of whichever wrapping it uses."""
        body: Any = error.body
        for key in ("error", "message", "detail"):
            body = body.get(key, body) if isinstance(body, Mapping) else body
        return self._quoted(body if isinstance(body, str) else json.dumps(body)) or "no reason given"

    def _quoted(self, text: str) -> str:
        """A server's words, fit for an error or a record: one line, short, and never with the key in it."""
        line = " ".join(text.split())
        line = line.replace(self._key, "***") if len(self._key) > 3 else line
        return line if len(line) <= 300 else line[:297] + "..."


class _PassingError(Exception):
    """A fault that may pass. ``retry_after``: seconds, as the server asks. ``hopeless`` before its first answer."""

    def __init__(self, message: str, *, retry_after: float | None = None, hopeless: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.hopeless = hopeless


class _RejectedError(Exception):
    """The server calls the request invalid."""

    def __init__(self, message: str, *, too_long: bool, about_logprobs: bool) -> None:
        super().__init__(message)
        self.too_long = too_long
        self.about_logprobs = about_logprobs


class _FilteredError(Exception):
    """The server will not answer this prompt."""


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


def _without_credentials(url: str) -> str:
    """A URL as records and errors may show it: without a user's name, password or query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).rstrip("/")


def _causes(error: BaseException | None) -> Sequence[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number, or a date."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
