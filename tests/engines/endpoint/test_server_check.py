"""``interplay-bench serve-check``: what a server can do, and the card that a run with it needs."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.endpoint.server_check import check_server
from interplay_bench.environment.errors import InterplayError
from interplay_bench.simulators.card import read
from tests.engines.endpoint.fake_server import Reply, Server, fault, text

Cli = Callable[..., CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.models = 200, {}, json.dumps({"data": [{"id": "usersim", "max_model_len": 4096}]})
    yield server
    server.close()


def completion(written: str, logprobs: bool) -> Reply:
    alternatives = {"tokens": [written], "top_logprobs": [{written: -0.1, "x": -3.0, "y": -4.0}]}
    choice = {"index": 0, "text": written, "finish_reason": "stop", "logprobs": alternatives if logprobs else None}
    return 200, {}, json.dumps({"object": "text_completion", "choices": [choice], "usage": {}})


def vllm(body: dict[str, Any]) -> Reply:
    """A server that can do everything, with a fine-tuned simulator."""
    if "messages" in body:
        return text("one two", steps=[("one", {"one": -0.1, "two": -2.0})] if "logprobs" in body else ())
    if "<action>" in body["prompt"]:
        shown = body.get("skip_special_tokens") is False
        return completion("<feedback></action><response>A film in space." if shown else "A film in space.", False)
    written = " eight nine ten"
    ends = [written.find(stop) for stop in body.get("stop", ())]
    return completion(written[: min(ends, default=len(written))], "logprobs" in body)


def bare(body: dict[str, Any]) -> Reply:
    """A server of chats alone, without log-probabilities."""
    if "messages" not in body:
        return fault(404, "no such route")
    return fault(400, "logprobs are not supported") if "logprobs" in body else text("one two")


def findings(printed: str) -> dict[str, str]:
    names = ("chat", "chat log-probabilities", "completions", "log-probabilities", "markup", "stop strings",
             "repeatable", "context")  # fmt: skip
    lines = printed.partition("\n\n")[0].splitlines()
    return {name: next(line.removeprefix(name).split()[0] for line in lines if line.startswith(f"{name}  "))
            for name in names}  # fmt: skip


def test_a_server_that_can_do_everything(cli: Cli, server: Server, tmp_path: Path) -> None:
    server.script = vllm
    done = cli("serve-check", server.url)
    assert done.returncode == 0, done.stderr
    assert set(findings(done.stdout).values()) == {"yes"}
    card = tmp_path / "served.toml"
    card.write_text(done.stdout.partition(".toml:\n\n")[2])
    found = read(card)
    assert found.adapter == "finetuned"
    assert found.train == {"role": "user"}
    assert found.engine == {"kind": "endpoint", "model": "usersim", "base_url": server.url}


def test_a_model_that_copies_the_markup_of_the_prompt_is_no_fine_tuned_one(server: Server) -> None:
    def copies(body: dict[str, Any]) -> Reply:
        if "<action>" not in body.get("prompt", ""):
            return vllm(body)
        choice: dict[str, Any] = {"index": 0, "text": "<feedback></action><response>Yes", "finish_reason": "stop"}
        if "logprobs" in body:  # as a tokenizer without the marks splits them
            pieces = ["<", "feedback", "></", "action", "><", "response", ">", "Yes"]
            choice["logprobs"] = {"tokens": pieces, "top_logprobs": [{piece: -0.1} for piece in pieces]}
        return 200, {}, json.dumps({"object": "text_completion", "choices": [choice], "usage": {}})

    server.script = copies
    report = check_server(EndpointSettings(model="*", base_url=server.url))
    assert next(each for each in report.findings if each.name == "markup").works is None
    assert report.usable
    assert not report.fine_tuned


@pytest.mark.slow
def test_a_server_of_chats_alone(cli: Cli, server: Server) -> None:
    server.script = bare
    done = cli("serve-check", server.url, "--model", "usersim", "--api-key-env", "MINE")
    assert done.returncode == 0, done.stderr
    seen = findings(done.stdout)
    assert (seen["chat"], seen["chat log-probabilities"], seen["completions"]) == ("yes", "no", "no")
    assert (seen["markup"], seen["stop strings"]) == ("?", "?")
    card = tomllib.loads(done.stdout.partition(".toml:\n\n")[2])
    assert card["adapter"] == "zero-shot"
    assert card["engine"]["api_key_env"] == "MINE"


@pytest.mark.slow
def test_a_server_that_refuses_all_is_not_usable(cli: Cli, server: Server) -> None:
    server.script = lambda _: fault(400, "no")
    done = cli("serve-check", server.url)
    assert done.returncode == 1
    assert "No run can be made" in done.stderr


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ((200, {}, json.dumps({"data": [{"id": "a"}, {"id": "b"}]})), "has a, b"),
        ((200, {}, json.dumps({"data": []})), "none that it lists"),
        ((200, {}, "<html>"), "does base_url end in /v1?"),
        ((404, {}, "{}"), "lists no models (HTTP 404)"),
    ],
)
def test_what_is_no_server_says_why(server: Server, models: Reply, said: str) -> None:
    server.models = models
    with pytest.raises(InterplayError, match=re.escape(said)):
        check_server(EndpointSettings(model="*", base_url=server.url))


def test_where_nobody_is_one_line_says_so(cli: Cli) -> None:
    done = cli("serve-check", "http://127.0.0.1:9/v1")
    assert "No server at http://127.0.0.1:9/v1" in done.stderr
    assert done.stderr.count("\n") == 1
