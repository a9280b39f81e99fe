"""``--engine vllm`` on a machine without vLLM, and what of a card goes to another engine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from interplay_bench.simulators.model_spec import find


def test_a_card_changes_its_engine_and_leaves_behind_what_only_the_old_one_has() -> None:
    assert find("qwen3-32b").card.engine["device_map"] == "auto"
    card = find("qwen3-32b", {"kind": "vllm", "tensor_parallel_size": "2"}).card
    assert card.engine == {
        "kind": "vllm", "model": "Qwen/Qwen3-32B", "template": {"enable_thinking": False}, "tensor_parallel_size": "2",
    }  # fmt: skip
    assert "package" not in find("smollm2", {"kind": "endpoint", "base_url": "http://127.0.0.1:1/v1"}).card.engine


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
@pytest.mark.slow
def test_without_vllm_one_line_names_the_extra(cli: Callable[..., CompletedProcess[str]]) -> None:
    done = cli("run", "--task", "user_multiturn", "--model", "smollm2", "--engine", "vllm", "--limit", "1")
    assert done.returncode == 2
    assert "pip install 'interplay-bench[vllm]'" in done.stderr
    assert "Traceback" not in done.stderr
