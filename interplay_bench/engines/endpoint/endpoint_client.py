"""One request to a server and its answer: over HTTP, bounded, and with every fault as one of four kinds.

:class:`PassingError` may pass and is retried, :class:`RejectedError` is about this request, :class:`FilteredError`
about this prompt, and :class:`BackendError` about the server as a whole.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import proxy_bypass

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.endpoint.completion import Completion, NoCompletionError, ReportedError, read_completion
from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.endpoint.server_fault import ServerFault
from interplay_bench.environment.errors import BackendError, UsageError
from interplay_bench.environment.secrets import HIDDEN, without_secrets
from interplay_bench.environment.toml_and_json import from_json

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_CONNECT_SECONDS = 10.0
LARGEST = 16 * 2**20
"""Bytes of an answer, unpacked: more is no completion of ours."""
CERTIFICATES, HEADERS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"), ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")


class PassingError(Exception):
    """A fault that may pass. ``retry_after``: seconds, as the server asks. ``hopeless`` before its first answer."""

    def __init__(self, message: str, *, retry_after: float | None = None, hopeless: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.hopeless = hopeless


class RejectedError(Exception):
    """The server calls the request invalid; ``fault`` is its complaint."""

    def __init__(self, message: str, fault: ServerFault) -> None:
        super().__init__(message)
        self.fault = fault


class FilteredError(Exception):
    """The server will not answer this prompt."""


class EndpointClient:
    """The connections to one server, opened when they are first used."""

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.url = settings.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self.shown_url = _checked(self.url)
        self._key = _key(settings.api_key_env)
        self._client: AsyncOpenAI | None = None

    async def ask(self, prompt: Prompt, body: Mapping[str, Any]) -> Completion:
        """Send one request; raises one of the four kinds of faults."""
        try:
            from openai import APIConnectionError, APIStatusError
        except OSError as error:  # a library beneath it reads the environment already
            raise UsageError(self._no_client(error)) from None
        try:
            async with asyncio.timeout(self.settings.timeout):
                raw = await self._post(prompt, dict(body))
        except TimeoutError:
            raise PassingError(
                f"{self.shown_url} does not answer within {self.settings.timeout:g} s. Raise timeout, or lower "
                f"concurrency (now {self.settings.concurrency})."
            ) from None
        except APIConnectionError as error:
            raise self._unreachable(error) from None
        except APIStatusError as error:
            fault = ServerFault.of(error.status_code, error.body)
            raise await self._meaning(fault, dict(error.response.headers)) from None
        except (ValueError, ArithmeticError, ExceptionGroup) as error:  # no request could be made or sent
            raise UsageError(self._no_client(error)) from None
        return await self._read(raw, prompt.chat)

    async def models(self) -> dict[str, Mapping[str, Any]]:
        """What the server lists of its models, by name; raises :class:`BackendError` where nobody answers."""
        from openai import APIConnectionError, APIStatusError

        try:
            async with asyncio.timeout(min(10, self.settings.timeout)):
                text = (await self._connected().models.with_raw_response.list()).text
            return {str(entry["id"]): entry for entry in from_json(text)["data"]}
        except APIConnectionError as error:
            raise BackendError(str(self._unreachable(error))) from None
        except APIStatusError as error:
            raise BackendError(
                f"{self.shown_url} lists no models (HTTP {error.status_code}): check base_url."
            ) from None
        except (TimeoutError, ValueError, LookupError, TypeError, AttributeError):
            raise BackendError(f"{self.shown_url} lists no models: does base_url end in /v1?") from None

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _post(self, prompt: Prompt, body: dict[str, Any]) -> bytes:
        """Send one request; return the body of the response."""
        client = self._connected()
        extra = body | dict(self.settings.extra_body)
        if "max_completion_tokens" in extra:  # OpenAI's newer models take no max_tokens beside it
            del extra["max_tokens"]
        if prompt.chat:
            messages: Any = [{"role": message.role, "content": message.content} for message in prompt.messages]
            chat = client.chat.completions.with_streaming_response
            sent: Any = chat.create(model=self.settings.model, messages=messages, extra_body=extra)
        else:
            text = "".join(message.content for message in prompt.messages) + prompt.prefix
            plain = client.completions.with_streaming_response
            sent = plain.create(model=self.settings.model, prompt=text, extra_body=extra)
        async with sent as response:
            return await self._whole(response.iter_bytes())

    async def _whole(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The body of a response, which may break off, be encoded otherwise than it says, or have no end."""
        whole = bytearray()
        try:
            async for chunk in chunks:
                whole += chunk
                if len(whole) > LARGEST:
                    break
        except Exception as error:  # the HTTP library's own, which the client passes on as they are
            raise PassingError(
                f"{self.shown_url} breaks off its answer ({self.quoted(str(error)) or type(error).__name__}). See the "
                "server's log."
            ) from None
        if len(whole) > LARGEST:
            raise BackendError(
                f"{self.shown_url} answers with more than {LARGEST // 2**20} MiB: that is no completion. Is "
                "base_url that of an OpenAI-compatible server?"
            )
        return bytes(whole)

    def _connected(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        if self._client is None:
            # Retries and the time limit are ours: the client's own neither count nor explain themselves.
            # It insists on a key even where the server wants none. A redirect would send prompts elsewhere.
            timeout = Timeout(None, connect=_CONNECT_SECONDS)
            try:
                hooks: Any = {"response": [_bounded]}
                http = DefaultAsyncHttpxClient(follow_redirects=False, timeout=timeout, event_hooks=hooks)
                self._client = AsyncOpenAI(
                    api_key=self._key or "none", base_url=self.url, max_retries=0, timeout=timeout, http_client=http
                )
            except Exception as error:  # whatever the library makes of the environment
                raise UsageError(self._no_client(error)) from None
        return self._client

    def _no_client(self, error: Exception) -> str:
        """Why no client could be made: the environment holds what the HTTP library cannot take."""
        said = self.quoted(str(error)) or type(error).__name__
        named = _set(CERTIFICATES if isinstance(error, OSError) else HEADERS if isinstance(error, UnicodeError) else ())
        if named:
            return f"What {' and '.join(named)} names or holds cannot be used ({said}): correct or unset it."
        proxies = _set(PROXIES)
        if proxies:
            return f"The proxy in {', '.join(proxies)} cannot be used ({said}): correct or unset it."
        return f"No connection to {self.shown_url} can be made ({said}): check base_url."

    async def _read(self, raw: bytes, chat: bool) -> Completion:
        """Take a response apart; anything but a completion is a fault of the server."""
        try:
            answer = read_completion(raw, chat).with_texts(self._without_key)
        except NoCompletionError as error:
            raise self._garbage(self.quoted(str(error))) from None
        except ReportedError as error:
            fault = ServerFault.of(error.status or 500, error.body)
            raise await self._meaning(fault, {}) from None
        if answer.refusal is not None:
            raise FilteredError(self.quoted(answer.refusal))
        if answer.finish == "content_filter":
            raise FilteredError("stopped by the server's content filter")
        if answer.content is None:
            fix = "A model that thinks first used up max_tokens: raise it, or switch thinking off through extra_body."
            raise self._garbage("a choice without content", fix if answer.reasoned else "")
        return answer

    def _garbage(self, what: str, fix: str = "") -> PassingError:
        fix = fix or "Is base_url that of an OpenAI-compatible server (most end in /v1)?"
        return PassingError(f"{self.shown_url} answers {what}. {fix}", hopeless=True)

    def _unreachable(self, error: BaseException) -> PassingError:
        causes = list(_causes(error))
        fix = "set base_url (or OPENAI_BASE_URL) to where it is"
        proxies = _set(PROXIES)
        if proxies and not proxy_bypass(urlsplit(self.url).hostname or ""):
            cause = self.quoted(str(causes[min(1, len(causes) - 1)])) or "no answer"
            return PassingError(
                f"No connection to {self.shown_url} through the proxy in {', '.join(proxies)} ({cause}): see that the "
                "proxy runs, unset the variable, or name the host in NO_PROXY.", hopeless=True,
            )  # fmt: skip
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return PassingError(f"The host of {self.shown_url} is unknown: {fix}.", hopeless=True)
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return PassingError(
                f"No server at {self.shown_url} (connection refused): start it, or {fix}.", hopeless=True
            )
        # The client's own error says "Connection error."; its cause says which. By name: the transport is not ours.
        cause_error = causes[min(1, len(causes) - 1)]
        said = self.quoted(str(cause_error)) or type(cause_error).__name__
        hopeless = type(cause_error).__name__ in ("ConnectError", "ConnectTimeout")
        return PassingError(
            f"No connection to {self.shown_url} ({said}): see that the server runs, or {fix}.", hopeless=hopeless
        )

    async def _meaning(self, fault: ServerFault, headers: Mapping[str, str]) -> Exception:
        """What a complaint means for the request that met it."""
        said = self.quoted(fault.said) or "no reason given"
        answers = f"{self.shown_url} answers {fault.status} ({said})"
        if fault.flagged:
            return FilteredError(f"HTTP {fault.status}: {said}")
        if fault.invalid or (fault.about_logprobs and (fault.status >= 500 or fault.status in (403, 404))):
            return RejectedError(f"HTTP {fault.status}: {said}", fault)
        if fault.unpaid:
            return BackendError(f"{answers}: what was paid for is used up. See the account with the server's owner.")
        if 300 <= fault.status < 400:
            where = self.quoted(_stripped(headers.get("location", "elsewhere")))
            return BackendError(f"{self.shown_url} redirects to {where}: set base_url to where the server is.")
        if fault.status == 403 and self._key and "key" not in said:
            return BackendError(f"{answers}: the key in {self.settings.api_key_env} is not allowed this.")
        if fault.status in (401, 403):
            state = "holds a key that it refuses" if self._key else "is not set"
            return BackendError(f"{answers}: the environment variable {self.settings.api_key_env} {state}.")
        if fault.status == 404:
            return BackendError(f"{answers}: {await self._whats_there()}")
        if fault.status == 429:
            fix = f"Lower concurrency (now {self.settings.concurrency}), or raise max_retries or max_wait."
            return PassingError(f"{answers}: too many requests. {fix}", retry_after=_retry_after(headers))
        if fault.status in (408, 409, 425) or fault.status >= 500:
            return PassingError(f"{answers}. See the server's log.", retry_after=_retry_after(headers))
        return BackendError(f"{answers}. Check base_url and extra_body.")

    async def _whats_there(self) -> str:
        """The fix of a 404: which models there are, where the server tells."""
        wanted = self.settings.model
        try:
            names = sorted(await self.models())
        except Exception:  # (whatever is wrong with the list, the 404 is the error to report)
            return "check the model's name and base_url (most end in /v1)."
        if wanted in names:
            return f"it has the model {wanted!r}, but not for this kind of request."
        near = difflib.get_close_matches(wanted, names, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        return f"it has no model {wanted!r}.{guess} Available: {', '.join(names) or 'none'}."

    def quoted(self, text: str) -> str:
        """A server's words, fit for an error or a record: one line, short, and never with the key in it."""
        line = str(without_secrets(self._without_key(" ".join(text.split()))))
        return line if len(line) <= 300 else line[:297] + "..."

    def _without_key(self, text: str) -> str:
        """``text`` with no form of the key: as it is, escaped in JSON, or encoded for an address."""
        if len(self._key) <= 3:
            return text
        for form in (self._key, json.dumps(self._key)[1:-1], quote(self._key, safe="")):
            text = text.replace(form, HIDDEN)
        return text


async def _bounded(response: Any) -> None:
    """Read what the client would otherwise read without bound: a complaint, or a list. A completion is read by us."""
    if response.is_success and response.request.method == "POST":
        return
    whole = bytearray()
    async for chunk in response.aiter_bytes():
        whole += chunk
        if len(whole) > LARGEST:
            break
    await response.aclose()
    response._content = bytes(whole[:LARGEST])  # where the client's own reading would have put it


def _set(variables: Sequence[str]) -> list[str]:
    return [name for name in variables if os.environ.get(name)]


def _key(variable: str) -> str:
    """The key; one that no header can hold is a :class:`UsageError` that does not show it."""
    key = os.environ.get(variable, "").strip()
    if any(not "!" <= character <= "~" for character in key):
        raise UsageError(
            f"The environment variable {variable} holds a space, a line break or a character such as a curly quote, "
            "which no key has: set it anew."
        )
    return key


def _checked(url: str) -> str:
    """The address as records and errors may show it; one that is none is a :class:`UsageError`."""
    shown = _stripped(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError(f"base_url is no address: {shown!r}.") from None
    if any(character.isspace() or not character.isprintable() for character in url):
        raise UsageError(f"base_url holds a space or a line break: {shown!r}.")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"base_url must begin with http:// or https://, unlike {shown!r}.")
    try:
        _ = parts.port
    except ValueError:
        raise UsageError(f"base_url has an impossible port: {shown!r}.") from None
    if not parts.hostname:
        raise UsageError(f"base_url names no host: {shown!r}.")
    return _shown(url)


def _stripped(url: str) -> str:
    """What may be shown of an address that may be none: nothing before its last @, nor of its query."""
    return re.split(r"[?#]", re.sub(r"^([a-zA-Z][\w+.-]*:/+)?.*@", r"\1", url, flags=re.DOTALL))[0]


def _shown(url: str) -> str:
    """A URL without a user's name, password or query."""
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).rstrip("/")
    return str(without_secrets(bare))


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
