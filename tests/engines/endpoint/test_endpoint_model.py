"""The endpoint engine against a small server that plays every fault: decisions, texts, errors."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.endpoint.response_cache import ResponseCache
from interplay_bench.engines.language_model import Generation, Refusal, Sampling
from interplay_bench.environment.errors import BackendError, UsageError
from tests.engines.endpoint.fake_server import KEY, Reply, Server, fault, in_turn, prompt, text

Connect = Callable[..., EndpointModel]
YES_NO = ("yes", "no")


def failure(model: EndpointModel, verb: str = "generate") -> str:
    """The error of one request: one line, and without the key."""
    with pytest.raises(BackendError) as caught:
        _ = model.generate([prompt("hi")], Sampling()) if verb == "generate" else model.choose([prompt("hi")], ["a"])
    line = str(caught.value)
    assert "\n" not in line
    assert KEY not in line
    return line


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
    code = "import sys, interplay_bench.engines.endpoint.endpoint_model; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
