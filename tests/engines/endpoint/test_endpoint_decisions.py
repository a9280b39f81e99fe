"""Decisions of a served model: from log-probabilities where it gives them, else from its text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.language_model import Choice
from tests.engines.endpoint.fake_server import Reply, Server, fault, prompt, text

Connect = Callable[..., EndpointModel]
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
