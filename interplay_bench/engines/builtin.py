"""The engines of this project, by name. What is heavy is imported when one is made."""

from __future__ import annotations

from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.engine_entry import engine
from interplay_bench.engines.language_model import LanguageModel
from interplay_bench.engines.vllm.vllm_settings import VllmSettings
from interplay_bench.engines.weights import TransformersSettings


@engine("transformers", TransformersSettings)
def transformers(settings: TransformersSettings) -> LanguageModel:
    """Any causal language model of the hub or of a folder, in this process; prompts share their common beginnings."""
    from interplay_bench.engines.local.transformers_model import TransformersModel

    return TransformersModel(settings)


@engine("naive", TransformersSettings)
def naive(settings: TransformersSettings) -> LanguageModel:
    """The same by one plain forward pass per prompt and choice: slow, and what the fast one is tested against."""
    from interplay_bench.engines.reference import NaiveModel

    return NaiveModel(settings)


@engine("vllm", VllmSettings)
def vllm(settings: VllmSettings) -> LanguageModel:
    """The same by vLLM, in this process: for models of many billions of parameters, on one GPU or several."""
    from interplay_bench.engines.vllm.vllm_model import VllmModel

    return VllmModel(settings)


@engine("endpoint", EndpointSettings)
def endpoint(settings: EndpointSettings) -> LanguageModel:
    """A server that speaks OpenAI's protocol: vLLM, llama.cpp, TGI, or a hosted one."""
    from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
    from interplay_bench.engines.endpoint.response_cache import ResponseCache

    return EndpointModel(settings, ResponseCache.default())
