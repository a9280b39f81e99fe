"""A language model of random weights: it reads bytes, and knows neither words nor markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interplay_bench.engines.weights import Weights

CONTEXT = 8192


def tokenizer(extra: Sequence[str] = (), template: str | None = None) -> Any:
    """A token for each byte, one for the end, and ``extra`` ones; ``template``: for chats."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE({"<eos>": 0, **{c: n for n, c in enumerate(alphabet, start=1)}}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<eos>")
    made.add_tokens(list(extra), special_tokens=True)
    made.chat_template = template
    return made


def weights(tokens: Any) -> Weights:
    """The model, over the tokenizer ``tokens``; the same at every call."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from interplay_bench.engines.weights import Weights

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokens), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=CONTEXT, initializer_range=0.3,
    )  # fmt: skip
    return Weights(LlamaForCausalLM(config).eval(), tokens, {"model": "tiny", "max_context": CONTEXT})
