"""The local engine: any causal model of transformers, with the work of a set of prompts shared (see ``trie``)."""

from __future__ import annotations

import inspect
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import NOT_A_NUMBER, Choice, Generation, Refusal, Sampling
from interplay_bench.engines.local import attention
from interplay_bench.engines.local.attention import ForwardContext, obstacle, use_context
from interplay_bench.engines.local.budget import Budget, out_of_memory, probe
from interplay_bench.engines.local.continuation import Continuation, Ending, next_tokens
from interplay_bench.engines.local.decode import DecodingBatch, SequenceSlot, batch_rows_for, kv_slots_for
from interplay_bench.engines.local.encode import PromptEncoder, Question, Start
from interplay_bench.engines.local.packed_linear import pack
from interplay_bench.engines.local.prefill import KVStore, Pass, Prefill
from interplay_bench.engines.local.prefix_cache import PrefixCache
from interplay_bench.engines.local.prefix_trie import Node, Path, Segment, build_trie
from interplay_bench.engines.local.title_trie import TitleTrie
from interplay_bench.engines.reference import NaiveModel
from interplay_bench.engines.weights import TransformersSettings, Weights, load
from interplay_bench.environment.errors import BackendError

log = logging.getLogger(__name__)

CLOSE = 1e-2
"""How far, relative to their spread, a trie pass's logits may be from the plain ones' in the self-test (float32 is
at 1e-6, bfloat16 at 1e-2); a model whose attention the trie does not know is off by 1."""

TOGETHER = 12
"""Rows of a decoding step that a CPU attends to in one product. More batch rows in one are fewer calls, but more
padding, and more than its cache holds where batch rows have many texts. A GPU takes all batch rows at once."""


class TransformersModel:
    """A causal model of transformers behind the two verbs.

    A prompt that is a prefix of another costs nothing beside it; where prompts branch, what they share is
    computed once. Models whose attention this does not fit (sliding windows, recurrent layers) are run one prompt
    at a time, and the log says so.
    """

    def __init__(self, settings: TransformersSettings, weights: Weights | None = None) -> None:
        self.settings = settings
        self.weights = weights or load(settings)
        self.model, self.tokenizer = self.weights.model, self.weights.tokenizer
        self.plain = NaiveModel(settings, self.weights)
        limit = self.weights.identity["max_context"]
        assert isinstance(limit, int)
        self.encoder = PromptEncoder(self.tokenizer, limit, settings.template)
        self.used: Counter[str] = Counter()
        self.forward_tokens = 0
        self.prefix_cache: PrefixCache | None = None
        self.titles: TitleTrie | None = None
        self.together: float = TOGETHER if self.model.device.type == "cpu" else math.inf
        self.shares = self._adopt(may_pack=weights is None)
        self.budget = self._budget(settings) if self.shares else Budget()
        self.forward_tokens = 0

    def identity(self) -> Mapping[str, object]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        return {"engine": "transformers", "shares": self.shares, **self.weights.identity}

    def rendered(self, prompt: Prompt) -> str:
        """The text that a prompt becomes."""
        return self.encoder.text(prompt)

    def usage(self) -> Mapping[str, int]:
        """Prompts, tokens read in prompts and written, decisions; ``forward_tokens``: how many tokens went through the
        model instead of those."""
        return {**(self.used + self.plain.used), "forward_tokens": self.forward_tokens}

    def remember(self, kv_slots: int | None = None) -> None:
        """From now on keep the keys and values of written texts for prompts that continue them, at most ``KV slots``
        tokens in all (by default as many as the budget has)."""
        self.prefix_cache = PrefixCache(self.budget.kept if kv_slots is None else kv_slots)

    def bind(self, titles: Mapping[str, str]) -> None:
        """See :class:`~interplay_bench.engines.language_model.BindsTitles`."""
        self.titles = TitleTrie.of(self.tokenizer, titles)
        if not self.shares:
            self.plain.bind(titles)

    def close(self) -> None:
        """Forget what was kept between calls."""
        self.prefix_cache = None

    @torch.inference_mode()
    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        if not self.shares:
            return self.plain.choose(prompts, choices)
        questions = self.encoder.questions(prompts, choices)
        asked = [q for q in questions if isinstance(q, Question)]
        self.used.update(
            prompts=len(questions), decisions_by_logprobs=len(asked), prompt_tokens=sum(q.split for q in asked)
        )
        scores = iter(self._scores([(s, q.split) for q in asked for s in q.sequences]))
        answers: list[Choice | Refusal] = []
        for question in questions:
            if isinstance(question, Refusal):
                answers.append(question)
                continue
            logprobs = tuple(next(scores) for _ in question.sequences)
            if any(math.isnan(logprob) for logprob in logprobs):
                raise BackendError(NOT_A_NUMBER)
            answers.append(Choice(logprobs.index(max(logprobs)), logprobs, dropped_turns=question.dropped_turns))
        return answers

    @torch.inference_mode()
    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """See :class:`~interplay_bench.engines.language_model.LanguageModel`."""
        if not self.shares:
            return self.plain.generate(prompts, sampling)
        ending = Ending(self.model, self.tokenizer, sampling, self.titles)
        starts = self.encoder.starts(prompts, sampling.max_tokens)
        continuations = {
            s.key: Continuation.start(s.ids, sampling, ending, s.named) for s in starts if isinstance(s, Start)
        }
        if continuations:
            self._write(list(continuations.values()), sampling)
        texts = [s if isinstance(s, Refusal) else continuations[s.key].generation(s.dropped_turns) for s in starts]
        written = [text for text in texts if isinstance(text, Generation)]
        self.used.update(
            prompts=len(texts),
            prompt_tokens=sum(text.prompt_tokens or 0 for text in written),
            completion_tokens=sum(text.completion_tokens or 0 for text in written),
        )
        return texts

    def _scores(self, wanted: Sequence[tuple[tuple[int, ...], int]]) -> list[float]:
        """For each sequence and split: the log-probability of the tokens from the split on."""
        read = [sequence[:-1] for sequence, _ in wanted]
        segments, paths = build_trie(read)
        targets: dict[Node, dict[int, float]] = defaultdict(dict)
        for (sequence, split), path in zip(wanted, paths, strict=True):
            for at in range(split, len(sequence)):
                targets[path.node(at - 1)][sequence[at]] = 0.0
        asked = _by_segment(targets)
        prefill = self._begin(segments, paths, read, asked)
        while prefill:
            forward_context = prefill.next(self.budget.tokens)
            assert forward_context is not None
            nodes, logits = self._prefill(prefill, forward_context, asked)
            for node, row in zip(nodes, logits.float().log_softmax(-1) if nodes else (), strict=True):
                ids = list(targets[node])
                targets[node] = dict(zip(ids, row[ids].tolist(), strict=True))
        return [
            sum(targets[path.node(at - 1)][sequence[at]] for at in range(split, len(sequence)))
            for (sequence, split), path in zip(wanted, paths, strict=True)
        ]

    def _write(self, continuations: Sequence[Continuation], sampling: Sampling) -> None:
        """Write all texts to their ends. Where memory runs out, what is written so far is read again as a prompt."""
        while continuations:
            try:
                self._write_on(continuations, sampling)
            except RuntimeError as error:
                if not self._makes_do(error):
                    raise
            continuations = [continuation for continuation in continuations if continuation.finish is None]

    def _write_on(self, continuations: Sequence[Continuation], sampling: Sampling) -> None:
        """Write texts to their ends, from where they are."""
        prompts = [(*continuation.prompt, *continuation.ids) for continuation in continuations]
        segments, paths = build_trie(prompts)
        slots: dict[int, list[tuple[Continuation, Path]]] = defaultdict(list)
        for continuation, path in zip(continuations, paths, strict=True):
            slots[path.segment.number].append((continuation, path))
        batch_rows = self._batch(segments, {number: len(those) for number, those in slots.items()}, sampling.max_tokens)
        ends: dict[Node, list[Continuation]] = defaultdict(list)  # a text written so far may be another one's prompt
        for read, continuation, path in zip(prompts, continuations, paths, strict=True):
            ends[path.node(len(read) - 1)].append(continuation)
        asked = _by_segment(ends)
        prefill = self._begin(segments, paths, prompts, asked)
        while prefill or batch_rows.continuations:
            self._fill(prefill, batch_rows, slots, ends, asked)
            if batch_rows.continuations:
                self._step(batch_rows)

    def _batch(self, segments: Sequence[Segment], continuations: Mapping[int, int], tokens: int) -> DecodingBatch:
        """Allocate the decoding batch: as many batch rows as the budget has texts and KV slots for."""
        starting = [segment for segment in segments if segment.number in continuations]
        kv_slots = max(
            kv_slots_for(segment, segment.start, continuations[segment.number], tokens) for segment in starting
        )
        most = max(batch_rows_for(continuations[segment.number]) for segment in starting)
        needed = sum(batch_rows_for(continuations[segment.number]) for segment in starting)
        typical = max(1, sum(continuations.values()) // needed)
        count = max(most, min(needed, self.budget.rows // typical + 1, self.budget.places // kv_slots))
        return DecodingBatch(count, kv_slots, self.together)

    def _fill(
        self,
        prefill: Prefill,
        batch_rows: DecodingBatch,
        slots: Mapping[int, list[tuple[Continuation, Path]]],
        ends: Mapping[Node, Sequence[Continuation]],
        asked: Mapping[int, Iterable[int]],
    ) -> None:
        """Prefill until the batch is full or nothing waits; ``ends``: the texts by their prompts' last tokens."""
        while prefill and batch_rows.continuations < self.budget.rows:
            # A segment that takes several passes was let in by the first of them: its batch rows are not free any more.
            begun = len(slots.get(prefill.begun.number, ())) if prefill.begun else 0
            free, expected = batch_rows.free - batch_rows_for(begun), batch_rows.continuations + begun

            def admit(segment: Segment) -> bool:
                nonlocal free, expected
                starting = len(slots.get(segment.number, ()))
                if batch_rows_for(starting) > free or (starting and expected >= self.budget.rows):
                    return False
                free, expected = free - batch_rows_for(starting), expected + starting
                return True

            forward_context = prefill.next(self.budget.tokens, admit)
            if forward_context is None:
                return
            nodes, logits = self._prefill(prefill, forward_context, asked)
            read = [(continuation, at) for at, node in enumerate(nodes) for continuation in ends[node]]
            if read:
                self._push([continuation for continuation, _ in read], logits[[at for _, at in read]])
            for piece in forward_context.finished():
                new = [
                    SequenceSlot(text, path, 0, text.ids[-1], len(text.prompt) + len(text.ids) - 1)
                    for text, path in slots.get(piece.segment.number, ())
                    if text.finish is None
                ]
                if new:
                    batch_rows.admit(piece, prefill.store, new)

    def _step(self, batch_rows: DecodingBatch) -> None:
        """Write one token of every text in the batch."""
        step = batch_rows.begin()
        logits = self._forward(batch_rows, [s.token for s in step.slots], [s.position for s in step.slots])
        done = self._push([slot.continuation for slot in step.slots], logits)
        for slot in step.slots:
            slot.token, slot.position = slot.continuation.ids[-1], slot.position + 1
        if any(done):
            self._keep(batch_rows, [slot for slot, finished in zip(step.slots, done, strict=True) if finished])
            batch_rows.remove(slot for slot, finished in zip(step.slots, done, strict=True) if finished)

    def _begin(
        self,
        segments: Sequence[Segment],
        paths: Sequence[Path],
        sequences: Sequence[tuple[int, ...]],
        asked: Mapping[int, Sequence[int]],
    ) -> Prefill:
        """Begin to read ``sequences``. A segment's first tokens come from memory, up to the first that is ``asked``."""
        prefix_cache = self.prefix_cache
        if prefix_cache is None:
            return Prefill(segments)
        prefix_cache.begin()
        longest: dict[int, tuple[int, ...]] = {}
        for sequence, path in zip(sequences, paths, strict=True):
            longest[path.segment.number] = max(longest.get(path.segment.number, ()), sequence, key=len)

        def lookup(segment: Segment, store: KVStore) -> int:
            return prefix_cache.lookup(
                segment, longest[segment.number], min(*asked[segment.number], len(segment.trunk)), store
            )

        return Prefill(segments, lookup)

    def _keep(self, batch_rows: DecodingBatch, slots: Sequence[SequenceSlot]) -> None:
        """Keep what finished texts have seen: all but the last token, which was never read."""
        if self.prefix_cache is None:
            return
        for slot in slots:
            self.prefix_cache.keep((*slot.continuation.prompt, *slot.continuation.ids[:-1]), *batch_rows.kept(slot))

    def _push(self, continuations: Sequence[Continuation], logits: torch.Tensor) -> list[bool]:
        return [
            continuation.push(token)
            for continuation, token in zip(continuations, next_tokens(logits, continuations), strict=True)
        ]

    def _prefill(
        self, prefill: Prefill, forward_context: Pass, wanted: Mapping[int, Iterable[int]]
    ) -> tuple[list[Node], torch.Tensor]:
        """Run a pass; return those of the ``wanted`` tokens that are in it, and their logits (nodes x vocabulary).

        Where memory runs out, the budget is halved and the pass put back: no nodes are returned then.
        """
        nodes, at = forward_context.find(wanted)
        try:
            return nodes, self._forward(forward_context, forward_context.tokens(), forward_context.positions(), at)
        except RuntimeError as error:
            if not self._makes_do(error):
                raise
        prefill.again(forward_context)
        forward_context.pieces.clear()
        return [], torch.empty(0)

    def _makes_do(self, error: RuntimeError) -> bool:
        """Halve the budget if it is memory that has run out; ``False`` where that is not so, or not possible."""
        if not out_of_memory(error) or not self.budget.halve():
            return False
        log.warning("out of memory: going on with passes of at most %d tokens", self.budget.tokens)
        if self.prefix_cache is not None:
            self.prefix_cache.shrink(self.budget.kept)
        return True

    def _forward(
        self,
        forward_context: ForwardContext,
        tokens: Sequence[int],
        positions: Sequence[int],
        keep: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """Run one packed row of tokens; return the logits at the indices ``keep`` (all of them where ``None``)."""
        self.forward_tokens += len(tokens)
        device = self.model.device
        options: dict[str, Any] = {}
        if keep is not None and self._keeps:
            # Projecting onto the vocabulary is costly: only where it is asked for (somewhere, at least).
            options["logits_to_keep"] = torch.tensor(list(keep) or [0], device=device)
        with use_context(forward_context) as cache:
            logits: torch.Tensor = self.model(
                input_ids=torch.tensor([tokens], device=device),
                position_ids=torch.tensor([positions], device=device),
                past_key_values=cache,
                use_cache=True,
                **options,
            ).logits[0]
        if keep is None:
            return logits
        return logits[: len(keep)] if self._keeps else logits[list(keep)]

    def _adopt(self, *, may_pack: bool) -> bool:
        """Put the trie's attention into the model; return whether the model can use it."""
        bare = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        self._keeps = "logits_to_keep" in inspect.signature(bare.forward).parameters
        before = bare.config._attn_implementation
        if why := obstacle(bare, self.encoder.limit):
            log.warning("%s is run one prompt at a time: %s", type(bare).__name__, why)
            return False
        bare.set_attn_implementation(attention.NAME)
        unpack = pack(bare) if may_pack else None
        if bare.config._attn_implementation == attention.NAME and self._fits():
            return True
        if unpack is not None:
            unpack()
        bare.set_attn_implementation(before)
        log.warning("%s is run one prompt at a time: its attention cannot be shared", type(bare).__name__)
        return False

    @torch.inference_mode()
    def _fits(self) -> bool:
        """Compare a small trie pass with the plain model."""
        size = self.model.get_input_embeddings().num_embeddings
        ids = tuple((7 + 13 * i) % size for i in range(12))
        fork = (*ids[:5], *((i + 1) % size for i in ids[5:9]))
        segments, paths = build_trie([ids, fork])
        ends = [paths[0].node(len(ids) - 1), paths[1].node(len(fork) - 1)]
        forward_context = Prefill(segments).next(64)
        assert forward_context is not None
        nodes, at = forward_context.find(_by_segment(ends))
        try:
            ours = self._forward(forward_context, forward_context.tokens(), forward_context.positions(), at).float()
        except Exception as error:  # a model's own code may fail in any way on what it does not know
            log.info("the trie pass failed: %s", error)
            return False
        plain = [self.model(torch.tensor([s], device=self.model.device)).logits[0, -1].float() for s in (ids, fork)]
        theirs = torch.stack([plain[ends.index(node)] for node in nodes])
        close = CLOSE if self.model.dtype == torch.float32 else 10 * CLOSE
        # The typical error, not the largest: in bfloat16 one of 50,000 logits is easily off by a tenth of their spread.
        return bool((ours - theirs).square().mean().sqrt() <= close * theirs.std())

    def _budget(self, settings: TransformersSettings) -> Budget:
        def run(tokens: int) -> None:
            segments, _ = build_trie([tuple(i % 97 for i in range(tokens))])
            forward_context = Prefill(segments).next(tokens)
            assert forward_context is not None
            with torch.inference_mode():
                self._forward(forward_context, forward_context.tokens(), forward_context.positions(), [0])

        config = self.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        place = 2 * config.num_hidden_layers * heads * size * self.model.dtype.itemsize
        budget = probe(self.model.device, run, place)
        budget.tokens = settings.batch_tokens or budget.tokens
        budget.rows = settings.rows or budget.rows
        return budget


def _by_segment(nodes: Iterable[Node]) -> dict[int, list[int]]:
    """Nodes as token indices by segment number."""
    grouped: dict[int, list[int]] = defaultdict(list)
    for segment, token in nodes:
        grouped[segment].append(token)
    return grouped
