"""Whole runs against a server at fault: every dialogue has its place and its reason, and nothing wrong is kept.

``INTERPLAY_FAULTS=2000`` asks for more faulty answers than the suite has time for.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import InterplayError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.sample import BACKEND_ERROR
from tests.engines.endpoint.fake_server import KEY, Reply, Server, answer, fault, text
from tests.engines.endpoint.test_faulty_answers import faulty

FAULTS = int(os.environ.get("INTERPLAY_FAULTS", "20"))
DIALOGUES = 12
CARD = """summary = "x"
adapter = "zero-shot"
[engine]
kind = "endpoint"
model = "m"
max_retries = 0
max_wait = 0.001
"""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def hostile(rng: random.Random) -> Reply:
    """What a server may do beside answering wrongly; what ends a run at once, as a redirect does, is not among it."""
    return rng.choice(
        [
            (200, {}, "[" * 200_000),
            (200, {"content-type": "application/json; charset=utf-16"}, text("fine")[2]),
            (200, {"content-encoding": "gzip"}, "no gzip"),
            (200, {"content-length": "99"}, "breaks off"),
            (200, {}, answer(message__content="x" * 100_000)[2]),
            (200, {}, answer(message__content=f"the key is {KEY}")[2]),
            (200, {}, answer(message__content="\x1b[31m\u202e\x00")[2]),
            fault(
                400,
                rng.choice(["`inputs` must have less than 1024 tokens", "Please reduce the length of the messages"]),
            ),
            (429, {"retry-after": rng.choice(["nan", "1e9", "-1", "soon"])}, "{}"),
        ]
    )


def reasons(value: Any) -> list[str]:
    """Every reason that stands in the details of a sample."""
    if isinstance(value, Mapping):
        own = [str(value[key]) for key in ("problem", "malformed") if value.get(key)]
        return own + [reason for part in value.values() for reason in reasons(part)]
    return [reason for part in value for reason in reasons(part)] if isinstance(value, list | tuple) else []


def finished(card: Path, data: DialogueSet, output: Path) -> Run | None:
    """The run, resumed whenever an error of one line ended it; ``None`` where nothing at all was answered."""
    for attempt in range(60):
        try:
            return evaluate("user_multiturn", str(card), data, limit=DIALOGUES, output=output, resume=attempt > 0)
        except InterplayError as error:
            said = str(error)
        assert "\n" not in said
        assert KEY not in said
        if "answered none of" in said:
            return None
    raise AssertionError("a run that no resumption ends")


@pytest.mark.slow
def test_faulty_answers_end_in_the_ledger_by_their_reason(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    card = tmp_path / "faulty.toml"
    card.write_text(CARD)
    data = load_dataset("sample")
    rng = random.Random(16)
    given = 0

    def at_fault(_: object) -> Reply:
        nonlocal given
        if rng.random() < 0.4:
            return text("<action><accept></action>")
        given += 1
        return hostile(rng) if rng.random() < 0.3 else faulty(rng)

    told: list[str] = []
    for number in count():
        if given >= FAULTS:
            break
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache-{number}"))
        server.script = at_fault
        run = finished(card, data, tmp_path / f"run-{number}")
        if run is not None:
            samples = list(run.samples)
            assert sum(run.ledger.outcomes.values()) == len(samples) == DIALOGUES
            assert all(reasons(sample.detail) for sample in samples if sample.outcome == BACKEND_ERROR)
            told += [reason for sample in samples for reason in reasons(sample.detail)]
    assert told

    server.script = lambda _: text("<action><accept></action>")
    healed = finished(card, data, tmp_path / "healed")  # with the cache of the last round
    assert healed is not None
    assert BACKEND_ERROR not in healed.ledger.outcomes
    kept = [json.loads(file.read_bytes().partition(b"\n")[2]) for file in tmp_path.glob("cache-*/**/*.json")]
    assert kept
    assert not any("reason" in each["result"] for each in kept)
    assert not any(KEY in json.dumps(each) for each in kept)
