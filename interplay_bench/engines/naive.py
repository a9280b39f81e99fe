"""The reference engine: the same verbs, one prompt at a time, nothing shared, plain transformers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from interplay_bench.engines.encode import Encoder, Question, Start
from interplay_bench.engines.row import Ending, Row, next_tokens
from interplay_bench.engines.weights import TransformersSettings, Weights, load
from interplay_bench.language_model import Choice, Generation, Prompt, Refusal, Sampling


class NaiveModel:
    """A causal model of transformers, run in the plainest way: slow, and easy to believe."""

    def __init__(self, settings: TransformersSettings, weights: Weights | None = None) -> None:
        self.weights = weights or load(settings)
        self.model, self.tokenizer = self.weights.model, self.weights.tokenizer
        limit = self.weights.identity["max_context"]
        assert isinstance(limit, int)
        self.encoder = Encoder(self.tokenizer, limit, settings.template)
        self.used: Counter[str] = Counter()

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """See :class:`~interplay_bench.language_model.LanguageModel`."""
        questions = self.encoder.questions(prompts, choices)
        self.count_questions(questions)
        return [q if isinstance(q, Refusal) else self._choose(q) for q in questions]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """See :class:`~interplay_bench.language_model.LanguageModel`."""
        ending = Ending(self.model, self.tokenizer, sampling)
        starts = self.encoder.starts(prompts, sampling.max_tokens)
        texts = [s if isinstance(s, Refusal) else self._generate(s, sampling, ending) for s in starts]
        self.count_texts(texts)
        return texts

    def identity(self) -> Mapping[str, object]:
        """See :class:`~interplay_bench.language_model.LanguageModel`."""
        return {"engine": "naive", **self.weights.identity}

    def usage(self) -> Mapping[str, int]:
        """Prompts, tokens read in prompts and written, decisions."""
        return dict(self.used)

    def close(self) -> None:
        """Nothing is held but the weights."""

    def count_questions(self, questions: Sequence[Question | Refusal]) -> None:
        """Add decisions to :meth:`usage`."""
        asked = [q for q in questions if isinstance(q, Question)]
        self.used["prompts"] += len(questions)
        self.used["decisions_by_logprobs"] += len(asked)
        self.used["prompt_tokens"] += sum(q.split for q in asked)

    def count_texts(self, texts: Sequence[Generation | Refusal]) -> None:
        """Add texts to :meth:`usage`."""
        written = [text for text in texts if isinstance(text, Generation)]
        self.used["prompts"] += len(texts)
        self.used["prompt_tokens"] += sum(text.prompt_tokens or 0 for text in written)
        self.used["completion_tokens"] += sum(text.completion_tokens or 0 for text in written)

    @torch.inference_mode()
    def _choose(self, question: Question) -> Choice:
        scores = tuple(self._score(sequence, question.split) for sequence in question.sequences)
        return Choice(scores.index(max(scores)), scores, dropped_turns=question.dropped_turns)

    def _score(self, sequence: tuple[int, ...], split: int) -> float:
        ids = torch.tensor([sequence], device=self.model.device)
        logits = self.model(ids[:, :-1], use_cache=False).logits[0, split - 1 :].float()
        targets = ids[0, split:, None]
        return float(logits.log_softmax(-1).gather(-1, targets.to(logits.device)).sum())

    @torch.inference_mode()
    def _generate(self, start: Start, sampling: Sampling, ending: Ending) -> Generation:
        from transformers import GenerationConfig

        row = Row.start(start.ids, sampling, ending)
        ids = torch.tensor([start.ids], device=self.model.device)

        def choose_next(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            """Leave only the row's own choice standing, so that the greedy search below takes it."""
            token = next_tokens(scores, [row])[0]
            row.push(token)
            return torch.full_like(scores, -torch.inf).index_fill_(1, torch.tensor([token], device=scores.device), 0)

        def ended(given: torch.Tensor, *_: Any) -> torch.Tensor:
            return torch.full((len(given),), row.finish is not None, device=given.device)

        self.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=GenerationConfig(
                do_sample=False, max_new_tokens=sampling.max_tokens, pad_token_id=self.tokenizer.pad_token_id or 0
            ),
            logits_processor=[choose_next],
            stopping_criteria=[ended],
        )
        return row.generation(start.dropped_turns)
