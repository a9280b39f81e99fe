"""What a server may answer with status 200, read for what it is, or one line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.engines.endpoint.completion import Completion, NoCompletionError, ReportedError, read_completion
from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.endpoint.response_cache import ResponseCache
from interplay_bench.engines.endpoint.thoughts import answer_start
from interplay_bench.engines.language_model import Choice, Generation, Refusal, Sampling
from interplay_bench.environment.errors import BackendError
from tests.engines.endpoint.fake_server import (
    CHOICES,
    Server,
    answer,
    fault,
    in_turn,
    logprobs,
    prompt,
    text,
    written,
)

Connect = Callable[..., EndpointModel]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_a_decision_is_read_behind_the_thoughts(server: Server, connect: Connect) -> None:
    other = {"<feedback>": -0.1, "<accept>": -3.0}
    thoughts = [("<think>", {}), (" Maybe", {}), (" <action>", {}), ("<feedback>", other), ("? No.", {}),
                ("</think>", {}), ("<action>", {})]  # fmt: skip
    final = ("<accept>", {"<accept>": -0.2, "<feedback>": -1.8})
    steps = [*((token, top or {token: 0.0}) for token, top in thoughts), final]
    whole = "".join(token for token, _ in steps)
    server.script = lambda _: text(whole, steps=steps)
    (choice,) = connect().choose([prompt("Take it?", prefix="<action>")], CHOICES)
    assert isinstance(choice, Choice)
    assert choice.index == 0
    assert choice.logprobs == (-0.2, -1.8)


THOUGHT = [("<think>", {}), (" A <action>", {}), ("<feedback>", {"<feedback>": -0.1, "<accept>": -3.0}), ("?", {})]
DECIDED = [("\n<action>", {}), ("<accept>", {"<accept>": -0.2, "<feedback>": -1.8}), ("<|im_end|>", {})]


@pytest.mark.parametrize("steps", [[*THOUGHT, ("</think>", {}), *DECIDED], [*THOUGHT[1:], *DECIDED]])
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_a_decision_is_read_behind_thoughts_that_only_the_tokens_hold(
    server: Server, connect: Connect, steps: Any, field: str
) -> None:
    """As from servers that put thoughts aside, and list the log-probabilities of all that was written."""
    data = json.loads(text("<action><accept>", steps=[(token, top or {token: 0.0}) for token, top in steps])[2])
    data["choices"][0]["message"][field] = " A <action><feedback>?"
    server.script = lambda _: (200, {}, json.dumps(data))
    (choice,) = connect().choose([prompt("Take it?", prefix="<action>")], CHOICES)
    assert choice == Choice(0, (-0.2, -1.8))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<think>He might.</think>\n<action><accept></action>", "\n<action><accept></action>"),
        ("He might.</think>yes", "yes"),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes", "yes"),
        ("[THINK]hm[/THINK]yes", "yes"),
        ("<analysis>hm</analysis>yes", "yes"),
        ("<|channel>thought\nhm<channel|>yes", "yes"),
        ("<|begin_of_thought|>hm<|end_of_thought|>yes", "yes"),
        ("<think >hm</think >yes", "yes"),
        ("I think <think> is a tag", "I think <think> is a tag"),
        ("plain", "plain"),
    ],
)
def test_thoughts_are_no_part_of_a_text(server: Server, connect: Connect, said: str, kept: str) -> None:
    server.script = lambda _: text(said)
    assert written(connect()) == [kept]


@pytest.mark.parametrize(
    "changes",
    [
        {"message__content": "<think>and on and on", "choice__finish_reason": "length"},
        {"message__content": "", "message__reasoning_content": "hm", "choice__finish_reason": "length"},
        {"message__content": "", "choice__finish_reason": "length",
         "usage": {"completion_tokens_details": {"reasoning_tokens": 64}}},
        {"message__content": [{"type": "thinking", "thinking": "hm"}], "choice__finish_reason": "length"},
        {"message__content": "", "message__reasoning_content": "hm"},
        {"message__content": "", "message__reasoning_details": [{"text": "hm"}]},
        {"message__content": "", "choice__finish_reason": "MAX_TOKENS"},
    ],
)  # fmt: skip
def test_a_model_that_only_thought_has_answered_nothing(server: Server, connect: Connect, changes: Any) -> None:
    server.script = lambda _: answer(**changes)
    with pytest.raises(BackendError, match="thinks first used up max_tokens"):
        written(connect())


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"message__content": [{"type": "text", "text": "fi"}, {"type": "text", "text": "ne"}]}, "fine"),
        ({"message__content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "fine"}]}, "fine"),
        ({"message__content": [{"type": "text", "text": {"value": "fine"}}]}, "fine"),
        ({"message__content": {"type": "text", "text": "fine"}}, "fine"),
        ({"message__refusal": ""}, "fine"),
        ({"message__refusal": True}, "fine"),
        ({"usage__prompt_tokens": "7"}, "fine"),
        ({"usage__prompt_tokens": 1e400}, "fine"),
        ({"usage": "many"}, "fine"),
        ({"message__content": ""}, ""),
        ({"choice__logprobs": {"content": [{"token": None, "logprob": 0, "top_logprobs": []}]}}, "fine"),
    ],
)
def test_odd_values_are_read_for_what_they_are(server: Server, connect: Connect, changes: Any, kept: str) -> None:
    server.script = lambda _: answer(**changes)
    model = connect()
    assert written(model) == [kept]
    assert model.usage()["prompt_tokens"] in (0, 7)
    assert json.loads(json.dumps(model.usage(), allow_nan=False))


@pytest.mark.parametrize(
    "passing",
    [
        (200, {}, json.dumps({"error": {"code": 429, "message": "slow down"}})),
        (200, {}, json.dumps({"error": {"message": "overloaded"}})),
        answer(choice__error={"code": 502, "message": "upstream"}, message__content=""),
        answer(choice__finish_reason="error", message__content=""),
        answer(choice__finish_reason="abort", message__content="par"),
        answer(choice__finish_reason="insufficient_system_resource", message__content="par"),
        answer(error={"code": 502, "message": "upstream"}, message__content=""),
        answer(message__error={"code": 502}, message__content=""),
        (200, {}, json.dumps({"object": "error", "message": "overloaded", "code": 503})),
        (200, {}, json.dumps({"code": 429, "message": "slow down"})),
        (200, {}, json.dumps({"detail": "overloaded"})),
        (200, {}, json.dumps([{"error": {"code": 429, "message": "slow down"}}])),
    ],
)
def test_an_error_with_status_200_is_retried_and_never_kept(
    server: Server, connect: Connect, tmp_path: Path, passing: Any
) -> None:
    cache = ResponseCache(tmp_path)
    server.script = in_turn(passing, text("fine"))
    assert written(connect(cache)) == ["fine"]
    assert written(connect(cache)) == ["fine"]
    assert len(server.requests) == 2
    server.script = lambda _: passing
    with pytest.raises(BackendError, match="Given up after 3 attempts"):
        written(connect(cache), prompt("other"))


@pytest.mark.parametrize("finish", ["content_filter", "SAFETY", "recitation", "sensitive", "guardrail_intervened"])
def test_an_answer_that_a_filter_stopped_is_a_refusal(server: Server, connect: Connect, finish: str) -> None:
    server.script = in_turn(text("fine"), answer(choice__finish_reason=finish, message__content="par"))
    found = written(connect(), prompt("a"), prompt("b"))
    assert found == ["fine", Refusal("stopped by the server's content filter")]


@pytest.mark.parametrize("finish", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
def test_an_answer_that_was_cut_is_known_by_any_name(server: Server, connect: Connect, finish: str) -> None:
    server.script = lambda _: answer(choice__finish_reason=finish)
    (found,) = connect().generate([prompt("hi")], Sampling())
    assert isinstance(found, Generation)
    assert found.finish == "length"


@pytest.mark.parametrize("content", [3, True, {"a": 1}, [3]])
def test_a_content_that_is_no_text_is_one_line(server: Server, connect: Connect, content: Any) -> None:
    server.script = lambda _: answer(message__content=content)
    with pytest.raises(BackendError, match=r"no text|no JSON") as raised:
        written(connect())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("body", ["[" * 200_000, '{"a":' * 200_000])
def test_deep_nesting_is_one_line(server: Server, connect: Connect, body: str) -> None:
    server.script = lambda _: (200, {}, body)
    with pytest.raises(BackendError, match="no JSON"):
        written(connect())


def test_another_charset_is_read_or_refused(server: Server, connect: Connect) -> None:
    server.script = lambda _: (200, {"content-type": "application/json; charset=utf-16"}, text("fine")[2])
    assert written(connect()) == ["fine"]


def test_an_answer_without_end_is_cut_off(server: Server, connect: Connect) -> None:
    server.script = lambda _: (200, {}, " " * (17 * 2**20) + text("fine")[2])
    with pytest.raises(BackendError, match="more than 16 MiB"):
        written(connect())


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_complaint_without_end_is_cut_off(server: Server, connect: Connect, status: int) -> None:
    """Of 300 MiB as much is read as an answer may have."""
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b" " * 2**20
            sent.append(1)

    server.stream = endless
    server.script = lambda _: (status, {"content-length": str(300 * 2**20)}, "")
    with pytest.raises(BackendError, match=f"{status}"):
        written(connect(max_retries=0))
    assert len(sent) < 60


@pytest.mark.parametrize("headers", [{"content-encoding": "gzip"}, {"content-length": "99"}])
def test_an_answer_that_breaks_off_is_asked_for_again(
    server: Server, connect: Connect, headers: Mapping[str, str]
) -> None:
    server.script = in_turn((200, headers, "part"), text("whole"))
    assert written(connect()) == ["whole"]


@given(st.binary(max_size=80), st.integers(0, 2000))
def test_a_damaged_entry_counts_as_missing(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    cache = ResponseCache(tmp_path_factory.mktemp("cache"))
    value = {"served": "m", "result": {"text": "words " * 40}}
    cache.put("ab" * 32, value)
    (file,) = cache.folder.rglob("*.json")
    whole = file.read_bytes()
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    file.write_bytes(damaged)
    assert cache.get("ab" * 32) == (value if damaged == whole else None)


@given(st.data())
def test_any_json_in_any_place_is_read_or_named(data: st.DataObject) -> None:
    """Whatever stands anywhere in an answer becomes a completion, or one of two errors."""
    response: Any = json.loads(text("fine", steps=logprobs(("fine", -0.1)))[2])
    parent, key = response, data.draw(st.sampled_from(sorted(response)))
    while data.draw(st.booleans()) and isinstance(parent[key], dict | list) and parent[key]:
        parent = parent[key]
        key = data.draw(st.sampled_from(sorted(parent) if isinstance(parent, dict) else range(len(parent))))
    parent[key] = data.draw(JSON)
    try:
        found = read_completion(json.dumps(response).encode(), chat=True)
    except (NoCompletionError, ReportedError):
        return
    assert isinstance(found, Completion)
    assert found.content is None or isinstance(found.content, str)


@given(st.text(max_size=40))
def test_a_text_without_marks_is_its_own_answer(said: str) -> None:
    assert answer_start(said) in (0, None) or "</" in said or "|>" in said or "]" in said or "▷" in said


def faulty(rng: random.Random) -> tuple[int, Mapping[str, str], str]:
    """One of the many ways in which an answer can be wrong, or right."""
    odd = [None, 3, True, "", [], {}, "7", 1e400, [{"type": "text", "text": "part"}], {"a": [1]}]
    kinds: list[Callable[[], Any]] = [
        lambda: answer(message__content=rng.choice(odd)),
        lambda: answer(message__refusal=rng.choice(odd)),
        lambda: answer(usage=rng.choice(odd)),
        lambda: answer(usage__prompt_tokens=rng.choice(odd)),
        lambda: answer(choice__finish_reason=rng.choice([None, 3, "error", "length", "content_filter"])),
        lambda: answer(choice__error=rng.choice([{"code": 429}, {"message": "x"}, "bad"]), message__content=""),
        lambda: answer(choice__logprobs=rng.choice([*odd, {"content": [{"token": None}]}])),
        lambda: answer(message__content=rng.choice(["<think>on", "<think>x</think><accept>", "x</think><feedback>"])),
        lambda: answer(choices=rng.choice([[], None, [None], [3], "no"])),
        lambda: (200, {}, json.dumps({"error": {"code": rng.choice([429, 503, "500", None])}})),
        lambda: (200, {}, rng.choice(["", "null", "[1]", "<html>", '{"cho'])),
        lambda: fault(rng.choice([400, 422]), rng.choice(["no", "`top_p` is bad", "context length", "logprobs"])),
        lambda: fault(rng.choice([408, 429, 500, 503]), "later"),
        lambda: text(rng.choice(["<action><accept></action>", "<feedback>", "no idea"])),
    ]
    made: tuple[int, Mapping[str, str], str] = rng.choice(kinds)()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["choose", "generate"])
def test_a_thousand_faulty_answers_end_in_a_result_a_refusal_or_one_line(
    server: Server, connect: Connect, tmp_path: Path, verb: str
) -> None:
    rng = random.Random(verb)
    cache = ResponseCache(tmp_path)
    outcomes: dict[str, int] = {}
    lines: set[str] = set()
    for round_ in range(25):
        model = connect(cache, max_retries=1)
        server.script = lambda _: text("<action><accept></action>")
        assert written(model, prompt("warm", preamble=f"{round_}"))
        server.script = lambda _: faulty(rng)
        for number in range(40):
            asked = [prompt(f"{number}", preamble=f"{round_}")]
            try:
                (found,) = model.choose(asked, CHOICES) if verb == "choose" else model.generate(asked, Sampling())
            except BackendError as error:
                lines.update(str(error).splitlines()[1:])
                outcomes["error"] = outcomes.get("error", 0) + 1
                continue
            assert isinstance(found, Choice | Generation | Refusal)
            outcomes[type(found).__name__] = outcomes.get(type(found).__name__, 0) + 1
            if isinstance(found, Generation):
                assert isinstance(found.text, str)
                assert "<think>" not in found.text
    assert not lines, "an error of more than one line"
    assert sum(outcomes.values()) == 1000
    assert len(outcomes) == 3
    for file in tmp_path.rglob("*.json"):
        kept = json.loads(file.read_bytes().partition(b"\n")[2])["result"]
        assert "reason" not in kept
