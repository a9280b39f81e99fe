"""What a model was really given: the text of its prompts, and what it answered, dialogue by dialogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from interplay_bench.datasets.load import item_catalog
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Choice, Generation, LanguageModel, Refusal, Renders, Sampling
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.settings import engine_options
from interplay_bench.reports.described_run import source_of
from interplay_bench.simulators.adapter import CatalogAware
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from interplay_bench.simulators.model_spec import find_both


@dataclass
class Recorder:
    """A language model that passes everything on to another, and keeps what went in and came out as text."""

    model: LanguageModel
    kept: list[str] = field(default_factory=list)

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """Weigh the choices, and keep the prompts with the likelihood of each."""
        answers = self.model.choose(prompts, choices)
        for prompt, answer in zip(prompts, answers, strict=True):
            self.kept.append(f"{self._text(prompt)}\n▸ {_chosen(answer, choices)}")
        return answers

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """Write, and keep the prompts with the texts."""
        answers = self.model.generate(prompts, sampling)
        for prompt, answer in zip(prompts, answers, strict=True):
            written = answer.reason if isinstance(answer, Refusal) else answer.text
            self.kept.append(f"{self._text(prompt)}\n▸ {written}")
        return answers

    def identity(self) -> Mapping[str, object]:
        """The model's."""
        return self.model.identity()

    def usage(self) -> Mapping[str, int]:
        """The model's."""
        return self.model.usage()

    def close(self) -> None:
        """Close the model."""
        self.model.close()

    def _text(self, prompt: Prompt) -> str:
        if isinstance(self.model, Renders):
            return self.model.rendered(prompt)
        messages = [f"[{message.role}] {message.content}" for message in prompt.messages]
        return "\n".join([*messages, f"[assistant] {prompt.prefix}"])


def model_inputs(run: Run, limit: int) -> Iterator[str]:
    """The prompts of the run's first ``limit`` dialogues, with the answers; loads the model and asks it again.

    Raises :class:`IncompatibleModelError` for a model that reads no prompts.
    """
    request = run.record.request
    source, task = source_of(run), run.task()
    spec, other = find_both(request.model, task.partner(), engine_options(request.settings))
    if not issubclass(spec.adapter, LanguageModelSimulator):
        raise IncompatibleModelError(f"{request.model} is no language model: it reads no prompts.")
    task.prepare(item_catalog(source, request.data))
    adapter = spec.build(request.seed).adapter
    assert isinstance(adapter, LanguageModelSimulator)
    partner = None
    try:
        if other is not None:
            partner = other.build(request.seed)
            task.meet(partner)
        if isinstance(adapter, CatalogAware):
            adapter.set_catalog(item_catalog(source, request.data))
        adapter.model = recorder = Recorder(adapter.model)
        for dialogue in source.dialogues[:limit]:
            recorder.kept.clear()
            task.evaluate(adapter, [dialogue])
            for number, text in enumerate(recorder.kept, start=1):
                yield f"── {dialogue.id} · prompt {number} of {len(recorder.kept)}\n{text}"
    finally:
        adapter.close()
        if partner is not None:
            partner.adapter.close()


def _chosen(answer: Choice | Refusal, choices: Sequence[str]) -> str:
    if isinstance(answer, Refusal):
        return answer.reason
    chosen = "none of them" if answer.index is None else choices[answer.index]
    if answer.logprobs is None:
        return f"{chosen} (of {', '.join(choices)})"
    weighed = ", ".join(f"{choice} {logprob:.3f}" for choice, logprob in zip(choices, answer.logprobs, strict=True))
    return f"{chosen} (log-probabilities: {weighed})"
