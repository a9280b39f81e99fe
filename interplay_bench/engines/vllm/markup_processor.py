"""The markup's grammar inside vLLM: the same tokens are barred, in the same states, as by the local engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

from interplay_bench.engines.local.grammar import Grammar
from interplay_bench.engines.local.title_trie import TitleTrie, TitleWalk
from interplay_bench.engines.pretrained.opening import open_tokenizer
from interplay_bench.engines.vllm.vllm_settings import ENDS, NAMED, TITLES

if TYPE_CHECKING:
    import torch


class MarkupProcessor(AdapterLogitsProcessor):  # type: ignore[misc]
    """Bars the structural tokens that would break a reply, in requests that ask for it; in those that are bound to a
    catalogue's titles, every other title too."""

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        super().__init__(vllm_config, device, is_pin_memory)
        described = vllm_config.model_config
        self._tokenizer = open_tokenizer(Path(described.tokenizer), trust_remote_code=described.trust_remote_code)
        self._trie = cache(self._read_trie)

    def is_argmax_invariant(self) -> bool:
        """Whether greedy texts stay as they are: no, what is barred may have been the best."""
        return False

    def new_req_logits_processor(self, params: Any) -> Callable[..., torch.Tensor] | None:
        """What to do with each step's logits of a request; nothing for those that do not ask."""
        asked = params.extra_args or {}
        ends = asked.get(ENDS)
        if ends is None:
            return None
        grammar = Grammar(self._tokenizer, ends)
        trie = self._trie(asked[TITLES]) if TITLES in asked else None

        def bar(prompt: list[int], written: list[int], logits: torch.Tensor) -> torch.Tensor:
            place = grammar.start(prompt)
            for token in written:
                place = grammar.after(place, token)
            disallowed = set(grammar.disallowed(place))
            if trie is not None:
                walk = TitleWalk(trie, asked[NAMED])
                for token in written:
                    walk.push(token)
                if walk.inside:
                    return _only(walk.allowed(), logits)
                disallowed |= walk.disallowed()
            if disallowed:
                logits[list(disallowed)] = float("-inf")
            return logits

        return bar

    def _read_trie(self, path: str) -> TitleTrie:
        return TitleTrie.of(self._tokenizer, json.loads(Path(path).read_text(encoding="utf-8")))


def _only(allowed: list[int], logits: torch.Tensor) -> torch.Tensor:
    """The scores of ``allowed`` alone."""
    scores = logits[allowed]
    logits.fill_(float("-inf"))
    logits[allowed] = scores
    return logits
