"""What a card may say of a model that vLLM runs."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

OURS = frozenset(
    {"model", "tokenizer", "dtype", "seed", "enable_lora", "logits_processors", "logprobs_mode", "trust_remote_code"}
)
"""vLLM's options that the engine sets by itself."""
ENDS = "interplay_ends"
"""The key of a request's extra arguments that asks for the markup; its value: the tokens that end a text."""
TITLES, NAMED = "interplay_titles", "interplay_named"
"""The keys that bind a request to a catalogue's titles: the JSON file that holds them, and the items that it may not
name."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class VllmSettings:
    """Options of the ``vllm`` engine, as they stand in a model card.

    ``model``, ``revision``, ``package``, ``adapter``, ``max_context``, ``template``, ``chat_template``,
    ``trust_remote_code`` and ``hint`` mean what they mean to the ``transformers`` engine. ``dtype`` ``auto`` is the
    model's own. ``tensor_parallel_size``: over how many GPUs each layer is split; ``pipeline_parallel_size``: over how
    many groups of GPUs the layers are. ``gpu_memory_utilization``: the share of a GPU's memory that vLLM may take.
    ``options``: any further option of ``vllm.LLM`` (``{quantization = "fp8", distributed_executor_backend = "ray"}``).
    """

    model: str
    revision: str | None = None
    package: str | None = None
    adapter: str | None = None
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    trust_remote_code: bool = False
    max_context: int | None = Field(default=None, gt=1)
    template: dict[str, Any] = field(default_factory=dict)
    chat_template: str | None = None
    tensor_parallel_size: int = Field(default=1, gt=0)
    pipeline_parallel_size: int = Field(default=1, gt=0)
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    options: dict[str, Any] = field(default_factory=dict)
    hint: str = ""
