"""What a server complains of: asked otherwise, or one line with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.dialogues.markup import END
from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.endpoint.response_cache import ResponseCache
from interplay_bench.engines.language_model import Choice, Generation, Refusal, Sampling
from interplay_bench.environment.errors import BackendError, RunError
from interplay_bench.evaluation.evaluate import evaluate
from tests.engines.endpoint.fake_server import (
    CHOICES,
    Server,
    answer,
    fault,
    prompt,
    text,
    written,
)

Connect = Callable[..., EndpointModel]


@pytest.mark.parametrize(
    ("complaint", "field"),
    [
        (fault(422, "Input validation error: `top_p` must be > 0.0 and < 1.0"), "top_p"),
        (fault(400, "Unsupported parameter: 'stop' is not supported with this model."), "stop"),
        (fault(422, '{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}'), "seed"),
        (fault(500, "litellm.UnsupportedParamsError: backend does not support parameters: {'seed': 0}"), "seed"),
        (fault(400, "topP is not supported"), "top_p"),
        ((400, {}, json.dumps({"error": {"message": "Unsupported parameter", "param": "stop"}})), "stop"),
    ],
)
def test_a_field_that_is_refused_by_name_is_left_out(
    server: Server, connect: Connect, complaint: Any, field: str
) -> None:
    server.script = lambda body: complaint if field in body else text("fine. END no")
    model = connect()
    results = model.generate([prompt("a"), prompt("b")], Sampling(top_p=0.9, stop=("END",), seed=3))
    assert [r.text for r in results if isinstance(r, Generation)] == ["fine. ", "fine. "]
    assert model.usage()[f"left_out_{field}"] == 1
    assert field not in server.requests[-1]


def test_what_changes_nothing_is_not_sent(server: Server, connect: Connect) -> None:
    written(connect())
    assert "top_p" not in server.requests[0]


def test_a_newer_model_takes_the_limit_under_its_other_name(server: Server, connect: Connect) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    server.script = lambda body: fault(400, said) if "max_tokens" in body else text("fine")
    assert written(connect()) == ["fine"]
    assert server.requests[-1]["max_completion_tokens"] == 128


@pytest.mark.parametrize(
    "complaint",
    [
        fault(403, "You are not allowed to request logprobs from this model"),
        fault(400, "Log probabilities are not enabled for this model"),
        fault(404, "No endpoints found that support the requested parameters: logprobs"),
        (400, {}, json.dumps({"error": {"message": "Unsupported parameter", "param": "logprobs"}})),
    ],
)
def test_a_server_that_forbids_log_probabilities_is_asked_without(
    server: Server, connect: Connect, complaint: Any
) -> None:
    server.script = lambda body: complaint if "logprobs" in body else text("<accept>")
    (choice,) = connect().choose([prompt("Take it?")], CHOICES)
    assert isinstance(choice, Choice)
    assert choice.index == 0


@pytest.mark.parametrize(
    "said",
    [
        "Input validation error: `inputs` must have less than 1024 tokens. Given: 1201",
        "Please reduce the length of the messages or completion.",
        "This model's maximum context length is 4096 tokens.",
        "'max_tokens' or 'max_completion_tokens' is too large: 200. This model's maximum context length is 4096 tokens "
        "and your request has 4000 input tokens (200 > 4096 - 4000).",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "Your request exceeded model token limit: 8192",
        "Range of input length should be [1, 30720]",
        "input token length exceeds session_len",
        "max_tokens must be at least 1, got -5.",
    ],
)
def test_too_long_in_whatever_words_is_asked_shorter(server: Server, connect: Connect, said: str) -> None:
    server.script = lambda body: fault(400, said) if len(body["messages"]) > 2 else text("fine")
    (result,) = connect().generate([prompt("a", "b", "c")], Sampling())
    assert isinstance(result, Generation)
    assert result.dropped_turns == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "context_length_exceeded"),
        (400, "context_window_exceeded"),
        (400, "tokens_limit_reached"),
        (400, "prompt_too_long"),
        (413, None),
    ],
)
def test_too_long_by_its_code_alone(server: Server, connect: Connect, status: int, code: str | None) -> None:
    body = json.dumps({"error": {"message": "nope", "code": code}})
    server.script = lambda asked: (status, {}, body) if len(asked["messages"]) > 2 else text("fine")
    assert written(connect(), prompt("a", "b")) == ["fine"]


@pytest.mark.parametrize("said", ["temperature exceeds the maximum of 1", "top_k is larger than the maximum"])
def test_a_value_out_of_range_is_no_prompt_too_long(server: Server, connect: Connect, said: str) -> None:
    server.script = lambda body: fault(400, said) if len(body["messages"]) > 2 else text("fine")
    with pytest.raises(BackendError, match="refuses every request"):
        written(connect(), prompt("a", "b"))


@pytest.mark.parametrize(
    ("status", "said"),
    [(500, "System role not supported"), (400, "Conversation roles must alternate user/assistant/user/assistant/...")],
)
@pytest.mark.parametrize("turns", [("hi",), ("hi", "well", "so")])
def test_a_chat_template_without_a_systems_role_is_told_by_the_user(
    server: Server, connect: Connect, status: int, said: str, turns: tuple[str, ...]
) -> None:
    server.script = lambda body: fault(status, said) if body["messages"][0]["role"] == "system" else text("fine")
    assert written(connect(), prompt(*turns)) == ["fine"]
    assert server.requests[-1]["messages"][0] == {"role": "user", "content": "Be brief.\n\nhi"}
    assert len(server.requests[-1]["messages"]) == len(turns)


@pytest.mark.parametrize("status", [400, 403])
def test_a_prompt_that_is_flagged_is_a_refusal_of_its_own(server: Server, connect: Connect, status: int) -> None:
    flagged = fault(status, "Your chosen model requires moderation and your input was flagged")
    server.script = lambda body: flagged if "bad" in str(body["messages"]) else text("fine")
    assert isinstance(written(connect(), prompt("bad"), prompt("good"))[0], Refusal)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (402, {"message": "Insufficient credits"}, "what was paid for is used up"),
        (429, {"message": "Check your plan", "code": "insufficient_quota"}, "what was paid for is used up"),
        (403, {"message": "Country not supported"}, "is not allowed this"),
    ],
)
def test_what_waiting_does_not_mend_is_told_at_once(
    server: Server, connect: Connect, status: int, body: Any, said: str
) -> None:
    server.script = lambda _: (status, {}, json.dumps({"error": body}))
    with pytest.raises(BackendError, match=said):
        written(connect())
    assert len(server.requests) == 1


def test_a_server_that_refuses_everything_is_an_error_with_its_reason(server: Server, connect: Connect) -> None:
    server.script = lambda _: fault(400, "temperature must be strictly positive")
    with pytest.raises(BackendError, match="refuses every request: HTTP 400: temperature must be strictly positive"):
        written(connect(), prompt("a"), prompt("b"))


@pytest.mark.slow
def test_a_run_in_which_nothing_was_answered_fails(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERPLAY_HOSTS", server.url.removesuffix("/v1"))
    server.script = lambda _: answer(message__refusal="I will not.")
    card = tmp_path / "mine.toml"
    card.write_text(
        f'summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "endpoint"\nmodel = "m"\nbase_url = "{server.url}"\n'
        'cache = "off"\n'
    )
    with pytest.raises(RunError, match=r"answered none of 3 dialogues \(I will not"):
        evaluate("user_multiturn", str(card), "sample", limit=3, output=tmp_path / "run")


def test_another_model_behind_the_address_is_noticed(server: Server, connect: Connect, tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path)
    server.script = lambda _: answer(model="a-7b")
    assert written(connect(cache)) == ["fine"]
    server.script = lambda _: answer(model="b-8b")
    with pytest.raises(BackendError, match=r"'b-8b'.*'a-7b'.*engine.cache=off"):
        written(connect(cache), prompt("hi"), prompt("new", preamble="Other."))
    assert written(connect(cache, cache="off"), prompt("hi")) == ["fine"]


def test_a_fine_tuned_model_is_asked_to_show_its_markup(server: Server, connect: Connect) -> None:
    plain = prompt("hi", chat=False, prefix="<action>")
    shown = json.dumps(
        {"choices": [{"text": "<accept></action><response>Yes.", "finish_reason": "stop"}], "model": "m"}
    )
    hidden = json.dumps({"choices": [{"text": "Yes. Yes. Yes.", "finish_reason": "length"}], "model": "m"})
    how = Sampling(stop=(END,))
    server.script = lambda body: (200, {}, hidden if body["skip_special_tokens"] else shown)
    (result,) = connect().generate([plain], how)
    assert isinstance(result, Generation)
    assert "<accept>" in result.text
    for finish in ("length", "stop"):  # where the turn's end is an end of the model's, it stops there unseen
        ended = hidden.replace("length", finish)
        server.script = lambda _, ended=ended: (200, {}, ended)  # type: ignore[misc]
        with pytest.raises(BackendError, match="hides the markup's tokens"):
            connect().generate([plain], how)
        with pytest.raises(BackendError, match="hides the markup's tokens"):
            connect().choose([plain], CHOICES)
    unknown = fault(400, "Unrecognized request argument: skip_special_tokens")
    server.script = lambda body: unknown if "skip_special_tokens" in body else (200, {}, shown)
    assert isinstance(connect().generate([plain], how)[0], Generation)
