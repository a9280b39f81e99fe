"""Models that vLLM runs in this process: paged attention, prefix caching, many GPUs, behind the same two verbs.

Prompts are rendered, encoded and shortened by the rules of the local engine, and texts are read as it reads them, so
that the two differ in arithmetic alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import NOT_A_NUMBER, Choice, Generation, Refusal, Sampling
from interplay_bench.engines.local.continuation import Continuation, Ending
from interplay_bench.engines.local.encode import PromptEncoder, Question, Start
from interplay_bench.engines.local.title_trie import TitleTrie
from interplay_bench.engines.pretrained.opening import loading, open_config, open_tokenizer
from interplay_bench.engines.vllm.choice_tree import Ids, branches, score
from interplay_bench.engines.vllm.vllm_settings import ENDS, NAMED, OURS, TITLES, VllmSettings
from interplay_bench.engines.vllm.vllm_weights import VllmWeights, vllm_weights
from interplay_bench.engines.weights import (
    TransformersSettings,
    choose_device,
    choose_dtype,
    context_limit,
    find_layers,
    read_template,
    template_hash,
)
from interplay_bench.environment.errors import BackendError, UsageError
from interplay_bench.environment.extras import require
from interplay_bench.environment.processes import Processes

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The greatest ranks of low-rank updates that vLLM has room for."""
ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
"""How vLLM runs, where the user's environment does not say otherwise: in this process, whose errors are the real ones
and whose order of work is the same each time; quiet; reporting to nobody."""

log = logging.getLogger(__name__)


class VllmModel:
    """A causal language model run by vLLM's offline engine."""

    def __init__(self, settings: VllmSettings) -> None:
        clashing = sorted(OURS & settings.options.keys())
        if clashing:
            raise UsageError(f"engine.options: {', '.join(clashing)} is set by the engine itself: leave it out.")
        if Processes.here().world > 1:
            raise UsageError("vLLM starts its own processes: share a run over machines or GPUs by --shard I/N instead.")
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._vllm = require("vllm", "vllm")
        layers = find_layers(_as_transformers(settings))
        config = open_config(layers.base, trust_remote_code=settings.trust_remote_code)
        self.tokenizer = open_tokenizer(layers.tokenizer, trust_remote_code=settings.trust_remote_code)
        if settings.chat_template is not None:
            self.tokenizer.chat_template = read_template(settings.chat_template)
        limit = context_limit(config, self.tokenizer, settings.max_context)
        self.encoder = PromptEncoder(self.tokenizer, limit, settings.template)
        dtype = str(choose_dtype(settings.dtype, choose_device("auto"))).removeprefix("torch.")
        weights = vllm_weights(layers, settings, dtype)
        self._llm = self._open(settings, weights, dtype, limit)
        self._adapter = self._adapter_request(weights)
        self.generation_config = _generation_config(weights)
        self.used: Counter[str] = Counter()
        self.titles: TitleTrie | None = None
        self._files = tempfile.TemporaryDirectory(prefix="interplay-titles-")
        self._identity = {
            **layers.identity(),
            "dtype": dtype,
            "device": str(self._vllm.platforms.current_platform.device_type),
            "chat_template": template_hash(self.tokenizer, settings.template),
            "max_context": limit,
            "parallel": [settings.tensor_parallel_size, settings.pipeline_parallel_size],
            "options": settings.options,
            "versions": _versions(),
        }

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        questions = self.encoder.questions(prompts, choices)
        asked = [question for question in questions if isinstance(question, Question)]
        scores = iter(self._scores(asked))
        self.used.update(prompts=len(questions), decisions_by_logprobs=len(asked))
        return [q if isinstance(q, Refusal) else _choice(next(scores), q.dropped_turns) for q in questions]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        ending = Ending(self, self.tokenizer, sampling, self.titles)
        starts = self.encoder.starts(prompts, sampling.max_tokens)
        begun = {
            start.key: Continuation.start(start.ids, sampling, ending, start.named)
            for start in starts
            if isinstance(start, Start)
        }
        requests = [(ids, self._writing(ids, named, sampling, ending)) for ids, named in begun]
        for continuation, output in zip(begun.values(), self._run(requests), strict=True):
            _take(continuation, output.outputs[0])
        self.used.update(prompts=len(starts), completion_tokens=sum(len(each.ids) for each in begun.values()))
        return [s if isinstance(s, Refusal) else _text(begun[s.key], s.dropped_turns) for s in starts]

    def identity(self) -> Mapping[str, object]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        return {"engine": "vllm", **self._identity}

    def usage(self) -> Mapping[str, int]:
        """Prompts, tokens read in prompts (``cached_tokens`` of them were known) and written, decisions."""
        return dict(self.used)

    def bind(self, titles: Mapping[str, str]) -> None:
        """See :class:`~interplay_bench.engines.language_model.BindsTitles`; vLLM's workers read them from a file."""
        self.titles = TitleTrie.of(self.tokenizer, titles)
        text = json.dumps(titles)
        self._file = Path(self._files.name) / f"{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}.json"
        self._file.write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Give the model's memory back."""
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

        self._llm = None
        self._files.cleanup()
        cleanup_dist_env_and_memory()

    def _open(self, settings: VllmSettings, weights: VllmWeights, dtype: str, limit: int) -> Any:
        """vLLM's engine over ``weights``."""
        rank = next((each for each in RANKS if each >= weights.rank), weights.rank)
        lora = {"enable_lora": True, "max_lora_rank": rank} if weights.adapter else {}
        options = {
            "max_model_len": limit,
            "enable_prefix_caching": True,
            "generation_config": "vllm",  # not the checkpoint's penalties: every engine writes by the same rules
            "tensor_parallel_size": settings.tensor_parallel_size,
            "pipeline_parallel_size": settings.pipeline_parallel_size,
            "gpu_memory_utilization": settings.gpu_memory_utilization,
            **settings.options,
        }
        with loading(f"The model {settings.model}, in vLLM,"):
            return self._vllm.LLM(
                model=str(weights.folder),
                tokenizer=str(weights.adapter if _has_tokenizer(weights) else weights.folder),
                dtype=dtype,
                seed=0,
                trust_remote_code=settings.trust_remote_code,
                logits_processors=["interplay_bench.engines.vllm.markup_processor:MarkupProcessor"],
                **lora,
                **options,
            )

    def _adapter_request(self, weights: VllmWeights) -> Any:
        from vllm.lora.request import LoRARequest

        return LoRARequest("adapter", 1, str(weights.adapter)) if weights.adapter else None

    def _scores(self, questions: Sequence[Question]) -> list[tuple[float, ...]]:
        """The log-probability of each question's choices. Every beginning of a choice is a prompt of its own, which
        shares what it begins with; only the tokens that go on from there are scored, over the whole vocabulary."""
        trees = [branches([ids[question.split :] for ids in question.sequences]) for question in questions]
        requests = [
            ((*question.sequences[0][: question.split], *beginning), self._scoring(tokens))
            for question, tree in zip(questions, trees, strict=True)
            for beginning, tokens in tree.items()
        ]
        outputs = iter(self._run(requests))
        found: list[tuple[float, ...]] = []
        for question, tree in zip(questions, trees, strict=True):
            logprobs = {beginning: _logprobs(next(outputs), tokens) for beginning, tokens in tree.items()}
            found.append(tuple(score(ids[question.split :], logprobs) for ids in question.sequences))
        return found

    def _run(self, requests: Sequence[tuple[Ids, Any]]) -> list[Any]:
        """vLLM's outputs, in the order of the requests."""
        if not requests:
            return []
        prompts = [{"prompt_token_ids": list(ids)} for ids, _ in requests]
        outputs = self._llm.generate(
            prompts, [params for _, params in requests], use_tqdm=False, lora_request=self._adapter
        )
        self.used.update(
            prompt_tokens=sum(len(ids) for ids, _ in requests),
            cached_tokens=sum(output.num_cached_tokens or 0 for output in outputs),
        )
        return list(outputs)

    def _scoring(self, tokens: Sequence[int]) -> Any:
        return self._vllm.SamplingParams(
            max_tokens=1, temperature=0.0, logprob_token_ids=list(tokens), detokenize=False, ignore_eos=True
        )

    def _writing(self, prompt: Ids, named: frozenset[str], sampling: Sampling, ending: Ending) -> Any:
        digest = hashlib.blake2b(array("q", [sampling.seed, *prompt]).tobytes(), digest_size=4).digest()
        return self._vllm.SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=max(sampling.temperature, 0.0),
            top_p=sampling.top_p,
            seed=int.from_bytes(digest, "big"),
            stop=list(ending.stop),
            stop_token_ids=sorted(ending.ids),
            skip_special_tokens=False,
            spaces_between_special_tokens=False,
            extra_args=self._guide(named, ending) if sampling.guided else None,
        )

    def _guide(self, named: frozenset[str], ending: Ending) -> dict[str, Any]:
        """What :class:`~interplay_bench.engines.vllm.markup_processor.MarkupProcessor` is told of a request."""
        titles = {TITLES: str(self._file), NAMED: sorted(named)} if ending.titles else {}
        return {ENDS: sorted(ending.ids), **titles}


def _as_transformers(settings: VllmSettings) -> TransformersSettings:
    return TransformersSettings(
        settings.model, settings.revision, settings.package, settings.adapter, hint=settings.hint
    )


def _has_tokenizer(weights: VllmWeights) -> bool:
    return weights.adapter is not None and (weights.adapter / "tokenizer_config.json").is_file()


def _generation_config(weights: VllmWeights) -> Any:
    """Where texts end, by the checkpoint."""
    from transformers import GenerationConfig

    for folder in (weights.adapter, weights.folder):
        if folder is not None and (folder / "generation_config.json").is_file():
            return GenerationConfig.from_pretrained(folder)
    return None


def _choice(logprobs: tuple[float, ...], dropped_turns: int) -> Choice:
    if any(math.isnan(logprob) for logprob in logprobs):
        raise BackendError(NOT_A_NUMBER)
    return Choice(logprobs.index(max(logprobs)), logprobs, dropped_turns=dropped_turns)


def _logprobs(output: Any, tokens: Sequence[int]) -> dict[int, float]:
    """The log-probabilities of ``tokens`` in the one step of an output."""
    (step,) = output.outputs[0].logprobs
    return {token: float(step[token].logprob) for token in tokens}


def _take(continuation: Continuation, written: Any) -> None:
    """Put what vLLM wrote into a text of ours, which ends by the same rules."""
    for token in written.token_ids:
        if continuation.push(int(token)):
            return
    if written.finish_reason == "stop":
        continuation.finish = "stop"


def _text(continuation: Continuation, dropped_turns: int) -> Generation:
    """The finished text; how likely it would have left a catalogue is unknown, since vLLM's scores stay with it."""
    return replace(continuation.generation(dropped_turns), left_catalogue=None)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {package: version(package) for package in ("torch", "transformers", "vllm")}
