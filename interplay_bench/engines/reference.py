"""The reference engine: the same two verbs in the plainest way, one prompt at a time, by transformers' own code.

It is what the fast engine is tested against, and so shares nothing with it but the weights, the markup's grammar and
the rules by which a prompt is rendered: how a text becomes ids and fits, how another is drawn and where that ends are
written here a second time, as simply as can be.
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from interplay_bench.dialogues.markup import END
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.chat_rendering import ChatRendering
from interplay_bench.engines.control_tokens import beginning
from interplay_bench.engines.language_model import (
    NOT_A_NUMBER,
    UNBOUND,
    UNMARKED,
    Choice,
    Generation,
    Refusal,
    Sampling,
)
from interplay_bench.engines.local.grammar import Grammar, title_pairs
from interplay_bench.engines.weights import TransformersSettings, Weights, load
from interplay_bench.environment.errors import BackendError, IncompatibleModelError, UsageError

Ids = list[int]


class NaiveModel:
    """A causal model of transformers, run in the plainest way: slow, and easy to believe."""

    def __init__(self, settings: TransformersSettings, weights: Weights | None = None) -> None:
        self.weights = weights or load(settings)
        self.model, self.tokenizer = self.weights.model, self.weights.tokenizer
        self.rendering = ChatRendering(self.tokenizer, settings.template)
        self.titles: _Titles | None = None
        self.used: Counter[str] = Counter()
        limit = self.weights.identity["max_context"]
        assert isinstance(limit, int)
        self.limit = limit

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        if not choices or not all(choices):
            raise UsageError("A question needs choices, and none of them may be empty.")
        return [self._choose(prompt, choices) for prompt in prompts]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        return [self._generate(prompt, sampling) for prompt in prompts]

    def identity(self) -> Mapping[str, object]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        return {"engine": "naive", **self.weights.identity}

    def bind(self, titles: Mapping[str, str]) -> None:
        """See :class:`~interplay_bench.engines.language_model.BindsTitles`."""
        self.titles = _Titles(self.tokenizer, titles)

    def usage(self) -> Mapping[str, int]:
        """Prompts, tokens read in prompts and written, decisions."""
        return dict(self.used)

    def close(self) -> None:
        """Nothing is held but the weights."""

    @torch.inference_mode()
    def _choose(self, prompt: Prompt, choices: Sequence[str]) -> Choice | Refusal:
        self.used["prompts"] += 1
        fitted = self._fit(prompt, ["", *choices], self.limit)
        if isinstance(fitted, Refusal):
            return fitted
        (bare, *sequences), dropped = fitted
        # A tokenizer may merge over the seam: what is scored begins where the first choice departs from the prompt.
        split = min(_shared(bare, sequence) for sequence in sequences)
        if split == 0:
            start = self._first()
            if start is None:
                return Refusal("the prompt is empty")
            sequences, split = [[start, *sequence] for sequence in sequences], 1
        split = min([split, *(len(sequence) - 1 for sequence in sequences)])
        self.used["decisions_by_logprobs"] += 1
        self.used["prompt_tokens"] += split
        scores = tuple(self._score(sequence, split) for sequence in sequences)
        if any(score != score for score in scores):
            raise BackendError(NOT_A_NUMBER)
        return Choice(scores.index(max(scores)), scores, dropped_turns=dropped)

    def _score(self, sequence: Ids, split: int) -> float:
        """The log-probability of a sequence's ids from ``split`` on, given those before."""
        logits = self.model(torch.tensor([sequence], device=self.model.device), use_cache=False).logits[0].float()
        logprobs = logits.log_softmax(-1)
        return sum(float(logprobs[at - 1, sequence[at]]) for at in range(split, len(sequence)))

    @torch.inference_mode()
    def _generate(self, prompt: Prompt, sampling: Sampling) -> Generation | Refusal:
        from transformers import GenerationConfig

        self.used["prompts"] += 1
        fitted = self._fit(prompt, [""], self.limit - sampling.max_tokens)
        if isinstance(fitted, Refusal):
            return fitted
        (ids,), dropped = fitted
        if not ids:
            start = self._first()
            if start is None:
                return Refusal("the prompt is empty")
            ids = [start]
        if sampling.guided == "catalogue" and self.titles is None:
            raise UsageError(UNBOUND)
        bound = _BoundTitles(self.titles, prompt.named) if self.titles and sampling.guided == "catalogue" else None
        text = _Text(self.model, self.tokenizer, ids, sampling, bound)

        def choose_next(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            """Leave only the text's own choice standing, so that the greedy search below takes it."""
            token = text.draw(scores[0])
            return torch.full_like(scores, -torch.inf).index_fill_(1, torch.tensor([token], device=scores.device), 0)

        def ended(given: torch.Tensor, *_: Any) -> torch.Tensor:
            return torch.full((len(given),), text.finish is not None, device=given.device)

        inputs = torch.tensor([ids], device=self.model.device)
        with _no_defaults(self.model):
            self.model.generate(
                inputs,
                attention_mask=torch.ones_like(inputs),
                generation_config=GenerationConfig(
                    do_sample=False, max_new_tokens=sampling.max_tokens, pad_token_id=self.tokenizer.pad_token_id or 0
                ),
                logits_processor=[choose_next],
                stopping_criteria=[ended],
            )
        self.used["prompt_tokens"] += len(ids)
        self.used["completion_tokens"] += len(text.ids)
        left = tuple(bound.left) if bound else None
        return Generation(text.text(), len(ids), len(text.ids), text.finish or "length", dropped, left)

    def _fit(self, prompt: Prompt, tails: Sequence[str], limit: int) -> tuple[list[Ids], int] | Refusal:
        """The ids of the prompt with each tail, without its oldest turns where it is too long; how many were left
        out."""
        dropped = 0
        while True:
            sequences = [self._ids(prompt, tail) for tail in tails]
            longest = max(map(len, sequences))
            if longest <= limit:
                return sequences, dropped
            shorter = prompt.without_oldest()
            if shorter is None:
                return Refusal(f"the prompt is too long: {longest} tokens without any turn to drop, {limit} fit")
            prompt, dropped = shorter, dropped + 1
            another = prompt.without_oldest()
            if another is not None and not self.rendering.takes(prompt):  # roles may have to alternate
                prompt, dropped = another, dropped + 1

    def _ids(self, prompt: Prompt, tail: str) -> Ids:
        """The ids of a prompt and what comes after it; a chat template writes its own beginning of text."""
        opening = () if prompt.chat else beginning(self.tokenizer)
        text = self.rendering.text(prompt) + tail
        return [*opening, *self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def _first(self) -> int | None:
        """What stands before a text that nothing stands before."""
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        first: int | None = eos if bos is None else bos
        return first


@contextmanager
def _no_defaults(model: Any) -> Iterator[None]:
    """Leave out what a checkpoint would add to the settings: its penalties, its suppressed tokens."""
    from transformers import GenerationConfig

    kept, model.generation_config = model.generation_config, GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = kept


def _shared(one: Ids, other: Ids) -> int:
    """How many ids two sequences begin with alike."""
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count


class _Text:
    """A text being drawn, token by token; its random numbers come from the seed and the prompt's ids."""

    def __init__(
        self, model: Any, tokenizer: Any, prompt: Ids, sampling: Sampling, titles: _BoundTitles | None = None
    ) -> None:
        digest = hashlib.blake2b(array("q", [sampling.seed, *prompt]).tobytes(), digest_size=8).digest()
        self.random = random.Random(int.from_bytes(digest, "big"))
        self.tokenizer, self.prompt, self.sampling = tokenizer, prompt, sampling
        self.ids: Ids = []
        self.finish: str | None = None
        ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        ends = set(ends if isinstance(ends, list) else [ends])
        self.ends = (ends | {tokenizer.eos_token_id, tokenizer.get_added_vocab().get(END)}) - {None}
        self.unwritten = self.ends | {tokenizer.pad_token_id, tokenizer.bos_token_id}
        self.grammar = Grammar(tokenizer, self.ends) if sampling.guided else None
        self.state = self.grammar.start(prompt) if self.grammar else None
        self.titles = titles

    def draw(self, scores: torch.Tensor) -> int:
        """Choose the next token by its scores, and see whether the text ends with it."""
        free, scores = scores, scores.clone()
        if bool(scores.isnan().any()):
            raise BackendError(NOT_A_NUMBER)
        if self.grammar is not None and self.state is not None:
            for token in self.grammar.disallowed(self.state):
                scores[token] = -torch.inf
        if self.titles is not None:
            scores = self.titles.keep(free, scores)
        token = self._pick(scores)
        if self.titles is not None:
            self.titles.push(token)
        self.ids.append(token)
        if self.grammar is not None and self.state is not None:
            self.state = self.grammar.after(self.state, token)
        written = self._decode(self.ids)
        if token in self.ends or any(stop and stop in written for stop in self.sampling.stop):
            self.finish = "stop"
        elif len(self.ids) == self.sampling.max_tokens:
            self.finish = "length"
        return token

    def _pick(self, scores: torch.Tensor) -> int:
        """The best token; above temperature 0, one drawn from the likeliest that together reach ``top_p``."""
        if self.sampling.temperature <= 0:
            return int(scores.float().argmax())
        probabilities = torch.softmax(scores.float() / self.sampling.temperature, 0)
        order: Sequence[int] = range(len(probabilities))
        if self.sampling.top_p < 1:
            ranked = torch.sort(probabilities, descending=True, stable=True).indices.tolist()
            before = torch.cumsum(probabilities[ranked], 0) - probabilities[ranked]
            order = ranked[: int((before < self.sampling.top_p).sum())]
        reached = torch.cumsum(probabilities[list(order)].double(), 0)
        drawn = self.random.random() * float(reached[-1])
        place = int((reached <= drawn).sum())
        return int(order[min(place, len(order) - 1)])

    def text(self) -> str:
        """What was written, up to the first stop string."""
        before, whole = self._decode(self.prompt), self._decode([*self.prompt, *self.ids])
        text = whole[len(before) :] if whole.startswith(before) else self._decode(self.ids)
        ends = [text.index(stop) for stop in self.sampling.stop if stop and stop in text]
        return text[: min(ends, default=len(text))]

    def _decode(self, ids: Ids) -> str:
        written = [token for token in ids if token not in self.unwritten]
        return str(self.tokenizer.decode(written, skip_special_tokens=False, clean_up_tokenization_spaces=False))


class _Titles:
    """A catalogue's titles: the ids of each, and the item that it names."""

    def __init__(self, tokenizer: Any, titles: Mapping[str, str]) -> None:
        self.pairs = title_pairs(tokenizer)
        if not self.pairs:
            raise IncompatibleModelError(UNMARKED)
        opening, closing = (tokenizer.convert_ids_to_tokens(token) for token in next(iter(self.pairs.items())))
        special = {*tokenizer.get_added_vocab().values(), *tokenizer.all_special_ids}
        self.titles: list[tuple[Ids, str]] = []
        for text, item in titles.items():
            _, *ids, _ = tokenizer(f"{opening}{text}{closing}", add_special_tokens=False)["input_ids"]
            same = tokenizer.decode(ids, clean_up_tokenization_spaces=False).strip() == text.strip()
            if same and not special & set(ids):
                self.titles.append((ids, item))
        ordinary = (token for token in range(len(tokenizer)) if token not in special)
        self.spelling = [token for token in ordinary if "<" in tokenizer.decode([token])]


class _BoundTitles:
    """The titles that one text may name: every one is looked at for every token."""

    def __init__(self, catalogue: _Titles, named: frozenset[str]) -> None:
        self.catalogue, self.named = catalogue, set(named)
        self.closing: int | None = None
        self.written: Ids = []
        self.stayed = 1.0
        self.left: list[float] = []

    def keep(self, free: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores with everything else struck out; ``free``: as the model gave them."""
        if self.closing is not None:
            self.stayed *= float(free.float().softmax(0)[sorted(self._next(set()))].sum())
            allowed = sorted(self._next(self.named))
            return torch.full_like(scores, -torch.inf).index_copy_(0, torch.tensor(allowed), free[allowed])
        scores[self.catalogue.spelling] = -torch.inf
        if all(item in self.named for _, item in self.catalogue.titles):
            scores[list(self.catalogue.pairs)] = -torch.inf
        return scores

    def push(self, token: int) -> None:
        """Take the token that was chosen."""
        if self.closing is None:
            self.closing, self.written, self.stayed = self.catalogue.pairs.get(token), [], 1.0
        elif token == self.closing:
            self.named.add(next(item for ids, item in self.catalogue.titles if ids == self.written))
            self.left.append(min(1.0, max(0.0, 1 - self.stayed)))
            self.closing = None
        else:
            self.written.append(token)

    def _next(self, named: set[str]) -> set[int]:
        """The tokens with which a title goes on, or ends, that names none of the items ``named``."""
        assert self.closing is not None
        at = len(self.written)
        titles = (ids for ids, item in self.catalogue.titles if ids[:at] == self.written and item not in named)
        return {ids[at] if len(ids) > at else self.closing for ids in titles}
