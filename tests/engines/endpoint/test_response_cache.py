"""Answers that are kept: on what, for whom, and through what accidents."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.endpoint.response_cache import ResponseCache, response_key
from interplay_bench.engines.language_model import Generation, Refusal, Sampling
from interplay_bench.environment.cache_home import cache_home
from tests.engines.endpoint.fake_server import KEY, Server, fault, in_turn, prompt, text

Connect = Callable[..., EndpointModel]
YES_NO = ("yes", "no")


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
    server.script = in_turn(text("first"), fault(400, "no"), text("yes"))
    cache, model = ResponseCache(tmp_path), connect(ResponseCache(tmp_path))
    model.generate([prompt("ho")], Sampling())
    assert isinstance(model.generate([prompt("hi")], Sampling())[0], Refusal)
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
        "import sys\nfrom pathlib import Path\n"
        "from interplay_bench.engines.endpoint.response_cache import ResponseCache\n"
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
