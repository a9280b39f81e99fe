"""A server that answers as a test says, and the answers and prompts that tests share."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.language_model import Generation, Sampling

CHOICES = ["<accept>", "<feedback>"]
KEY = "sk-very-secret-0123456789"
Reply = tuple[int, Mapping[str, str], str]
Script = Callable[[dict[str, Any]], Reply]


class Server:
    """A server that answers each request as ``script`` says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: Script = lambda _: text("fine")
        self.models: Reply = (404, {}, "{}")
        self.stream: Callable[[], Iterable[bytes]] = tuple  # what is sent behind each answer's body
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.peak = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that leave are no news
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (self is the handler's)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together, or the second waits for an acknowledgement of the first

            def do_GET(self) -> None:
                self._send(*server.models)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with server._lock:
                    server.requests.append(body)
                    server.paths.append(self.path)
                    server._in_flight += 1
                    server.peak = max(server.peak, server._in_flight)
                reply = server.script(body)
                with server._lock:
                    server._in_flight -= 1
                self._send(*reply)

            def _send(self, status: int, headers: Mapping[str, str], body: str) -> None:
                data = body.encode()
                try:
                    self.send_response(status)
                    own = {"content-type": "application/json", "content-length": str(len(data))}
                    for name, value in {**own, **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                    for more in server.stream():
                        self.wfile.write(more)
                    self.close_connection = len(data) < int(headers.get("content-length", 0))  # an answer cut off
                except OSError:  # the client has left
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def text(content: str | None, finish: str = "stop", steps: Sequence[tuple[str, dict[str, float]]] = ()) -> Reply:
    """A chat completion; ``steps`` are its tokens with their alternatives."""
    entries = [
        {"token": t, "logprob": 0.0, "top_logprobs": [{"token": a, "logprob": p} for a, p in top.items()]}
        for t, top in steps
    ]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": finish,
        "logprobs": {"content": entries} if steps else None,
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return 200, {}, json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage})


def fault(status: int, message: str, **headers: str) -> Reply:
    return status, headers, json.dumps({"error": {"message": message, "type": "t"}})


def in_turn(*replies: Reply) -> Script:
    """Play ``replies`` one after the other, the last for ever."""
    rest = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _: next(rest)


def prompt(*turns: str, preamble: str = "Be brief.", chat: bool = True, prefix: str = "") -> Prompt:
    roles = itertools.cycle(["user", "assistant"])
    first = Message("system", (Part(Channel.PERSONA, preamble),))
    rest = (Message(role, (Part(Channel.TURNS, turn),)) for role, turn in zip(roles, turns, strict=False))
    return Prompt((first, *rest), chat, prefix)


def answer(**changes: Any) -> tuple[int, Mapping[str, str], str]:
    """A chat completion whose choice, message or usage is changed: ``message__content=3``."""
    data = json.loads(text("fine")[2])
    for key, value in changes.items():
        *parents, last = key.split("__")
        part: Any = data
        for parent in parents:
            choice = data["choices"][0]
            part = {"choice": choice, "message": choice["message"]}.get(parent) or part[parent]
        part[last] = value
    return 200, {}, json.dumps(data)


def written(model: EndpointModel, *prompts: Any) -> list[Any]:
    results = model.generate(list(prompts) or [prompt("hi")], Sampling())
    return [result.text if isinstance(result, Generation) else result for result in results]


def logprobs(*tokens: tuple[str, float]) -> list[tuple[str, dict[str, float]]]:
    return [(token, {token: logprob, "zzz": -9.0}) for token, logprob in tokens]
