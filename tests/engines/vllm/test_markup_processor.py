"""What vLLM is told to bar in each step, against the local engine's rules; vLLM itself is stood in for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from interplay_bench.dialogues.markup import END, special_tokens
from interplay_bench.engines.local.grammar import Grammar
from interplay_bench.engines.local.title_trie import TitleTrie
from interplay_bench.engines.vllm.vllm_settings import ENDS, NAMED, TITLES
from tests import random_model

TOKENIZER = random_model.tokenizer(special_tokens())
WRITTEN = {"Heat (1995)": "h", "Heat": "h", "Hea": "x"}
ENDING = TOKENIZER.convert_tokens_to_ids([END])
PROMPT: list[int] = TOKENIZER("<recommender><action>").input_ids


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    class AdapterLogitsProcessor:
        def __init__(self, *_: object) -> None: ...

    stub = ModuleType("vllm.v1.sample.logits_processor")
    stub.AdapterLogitsProcessor = AdapterLogitsProcessor  # type: ignore[attr-defined]
    for name in ("vllm", "vllm.v1", "vllm.v1.sample"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "vllm.v1.sample.logits_processor", stub)
    monkeypatch.delitem(sys.modules, "interplay_bench.engines.vllm.markup_processor", raising=False)
    from interplay_bench.engines.vllm.markup_processor import MarkupProcessor

    # Not by monkeypatch, which would put it back in the end, for the tests with vLLM itself.
    del sys.modules["interplay_bench.engines.vllm.markup_processor"]
    TOKENIZER.save_pretrained(tmp_path)
    described = SimpleNamespace(tokenizer=str(tmp_path), trust_remote_code=False)
    return MarkupProcessor(SimpleNamespace(model_config=described), None, False)


def left(bar: Any, written: str) -> set[int]:
    """The tokens that can come next."""
    scores = bar(PROMPT, TOKENIZER(written).input_ids, torch.zeros(len(TOKENIZER)))
    return set(scores.isfinite().nonzero().flatten().tolist())


def test_a_guided_request_keeps_the_markup(processor: Any) -> None:
    assert processor.new_req_logits_processor(SimpleNamespace(extra_args=None)) is None
    bar = processor.new_req_logits_processor(SimpleNamespace(extra_args={ENDS: ENDING}))
    grammar = Grammar(TOKENIZER, ENDING)
    for written in (
        "<recommend>",
        "<recommend></action><response>",
        "<recommend></action><response>Try <movie_title>He",
    ):
        place = grammar.start([*PROMPT, *TOKENIZER(written).input_ids])
        assert left(bar, written) == set(range(len(TOKENIZER))) - grammar.disallowed(place)


def test_a_bound_request_keeps_to_the_titles_that_are_left(processor: Any, tmp_path: Path) -> None:
    file = tmp_path / "titles.json"
    file.write_text(json.dumps(WRITTEN))
    asked = {ENDS: ENDING, TITLES: str(file), NAMED: ["x"]}
    bar = processor.new_req_logits_processor(SimpleNamespace(extra_args=asked))
    begun = "<recommend></action><response>Try "
    h, t, space, close, opens, less = (
        TOKENIZER(text).input_ids[0] for text in ("H", "t", " ", "</movie_title>", "<movie_title>", "<")
    )
    assert left(bar, f"{begun}<movie_title>") == {h}
    assert left(bar, f"{begun}<movie_title>Hea") == {t}  # where the title that was named before would end
    assert left(bar, f"{begun}<movie_title>Heat") == {space, close}
    assert opens in left(bar, begun)
    assert less not in left(bar, begun)
    assert opens not in left(bar, f"{begun}<movie_title>Heat</movie_title>, ")
    assert TitleTrie.of(TOKENIZER, WRITTEN).spelling == {less}
