"""The local engine: any causal model of transformers, with the work of a set of prompts shared (see ``trie``)."""

from __future__ import annotations

import inspect
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from interplay_bench.engines import attention
from interplay_bench.engines.attention import Scene, playing
from interplay_bench.engines.budget import Budget, out_of_memory, probe
from interplay_bench.engines.decode import Lanes, Seat, lanes_for, places_for
from interplay_bench.engines.encode import Encoder, Question, Start
from interplay_bench.engines.memory import Memory
from interplay_bench.engines.naive import NaiveModel
from interplay_bench.engines.pack import pack
from interplay_bench.engines.prefill import Pass, Prefill, Store
from interplay_bench.engines.row import Ending, Row, next_tokens
from interplay_bench.engines.trie import Limb, Node, Path, plant
from interplay_bench.engines.weights import TransformersSettings, Weights, load
from interplay_bench.language_model import Choice, Generation, Prompt, Refusal, Sampling

log = logging.getLogger(__name__)

CLOSE = 1e-2
"""How far, relative to their spread, a trie pass's logits may be from the plain ones' in the self-test (float32 is
at 1e-6, bfloat16 at 1e-2); a model whose attention the trie does not know is off by 1."""

TOGETHER = 12
"""Rows of a decoding step that a CPU attends to in one product. More lanes in one are fewer calls, but more padding,
and more than its cache holds where lanes have many rows. A GPU takes all lanes at once."""


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
        self.naive = NaiveModel(settings, self.weights)
        self.encoder: Encoder = self.naive.encoder
        self.forward_tokens = 0
        self.memory: Memory | None = None
        self.together: float = TOGETHER if self.model.device.type == "cpu" else math.inf
        self.shares = self._adopt(may_pack=weights is None)
        self.budget = self._budget(settings) if self.shares else Budget()
        self.forward_tokens = 0

    def identity(self) -> Mapping[str, object]:
        """See :class:`~interplay_bench.language_model.LanguageModel`."""
        return {"engine": "transformers", "shares": self.shares, **self.weights.identity}

    def usage(self) -> Mapping[str, int]:
        """As the plain engine counts it, and ``forward_tokens``: how many tokens went through the model instead."""
        return {**self.naive.usage(), "forward_tokens": self.forward_tokens}

    def remember(self, places: int | None = None) -> None:
        """From now on keep the keys and values of written texts for prompts that continue them, at most ``places``
        tokens in all (by default as many as the budget has)."""
        self.memory = Memory(self.budget.kept if places is None else places)

    def close(self) -> None:
        """Forget what was kept between calls."""
        self.memory = None

    @torch.inference_mode()
    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        """See :class:`~interplay_bench.language_model.LanguageModel`."""
        if not self.shares:
            return self.naive.choose(prompts, choices)
        questions = self.encoder.questions(prompts, choices)
        self.naive.count_questions(questions)
        asked = [q for q in questions if isinstance(q, Question)]
        scores = iter(self._scores([(s, q.split) for q in asked for s in q.sequences]))
        answers: list[Choice | Refusal] = []
        for question in questions:
            if isinstance(question, Refusal):
                answers.append(question)
                continue
            logprobs = tuple(next(scores) for _ in question.sequences)
            answers.append(Choice(logprobs.index(max(logprobs)), logprobs, dropped_turns=question.dropped_turns))
        return answers

    @torch.inference_mode()
    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        """See :class:`~interplay_bench.language_model.LanguageModel`."""
        if not self.shares:
            return self.naive.generate(prompts, sampling)
        ending = Ending(self.model, self.tokenizer, sampling)
        starts = self.encoder.starts(prompts, sampling.max_tokens)
        rows = {s.ids: Row.start(s.ids, sampling, ending) for s in starts if isinstance(s, Start)}
        if rows:
            self._write(list(rows.values()), sampling)
        texts = [s if isinstance(s, Refusal) else rows[s.ids].generation(s.dropped_turns) for s in starts]
        self.naive.count_texts(texts)
        return texts

    def _scores(self, wanted: Sequence[tuple[tuple[int, ...], int]]) -> list[float]:
        """For each sequence and split: the log-probability of the tokens from the split on."""
        read = [sequence[:-1] for sequence, _ in wanted]
        limbs, paths = plant(read)
        targets: dict[Node, dict[int, float]] = defaultdict(dict)
        for (sequence, split), path in zip(wanted, paths, strict=True):
            for at in range(split, len(sequence)):
                targets[path.node(at - 1)][sequence[at]] = 0.0
        asked = _by_limb(targets)
        prefill = self._begin(limbs, paths, read, asked)
        while prefill:
            scene = prefill.next(self.budget.tokens)
            assert scene is not None
            nodes, logits = self._prefill(prefill, scene, asked)
            for node, row in zip(nodes, logits.float().log_softmax(-1) if nodes else (), strict=True):
                ids = list(targets[node])
                targets[node] = dict(zip(ids, row[ids].tolist(), strict=True))
        return [
            sum(targets[path.node(at - 1)][sequence[at]] for at in range(split, len(sequence)))
            for (sequence, split), path in zip(wanted, paths, strict=True)
        ]

    def _write(self, rows: Sequence[Row], sampling: Sampling) -> None:
        """Write all rows to their ends. Where memory runs out, what is written so far is read again as a prompt."""
        while rows:
            try:
                self._write_on(rows, sampling)
            except RuntimeError as error:
                if not self._makes_do(error):
                    raise
            rows = [row for row in rows if row.finish is None]

    def _write_on(self, rows: Sequence[Row], sampling: Sampling) -> None:
        """Write rows to their ends, from where they are."""
        prompts = [(*row.prompt, *row.ids) for row in rows]
        limbs, paths = plant(prompts)
        seats: dict[int, list[tuple[Row, Path]]] = defaultdict(list)
        for row, path in zip(rows, paths, strict=True):
            seats[path.limb.number].append((row, path))
        lanes = self._lanes(limbs, {number: len(those) for number, those in seats.items()}, sampling.max_tokens)
        ends: dict[Node, list[Row]] = defaultdict(list)  # a text written so far may be another one's prompt
        for read, row, path in zip(prompts, rows, paths, strict=True):
            ends[path.node(len(read) - 1)].append(row)
        asked = _by_limb(ends)
        prefill = self._begin(limbs, paths, prompts, asked)
        while prefill or lanes.rows:
            self._fill(prefill, lanes, seats, ends, asked)
            if lanes.rows:
                self._step(lanes)

    def _lanes(self, limbs: Sequence[Limb], rows: Mapping[int, int], tokens: int) -> Lanes:
        """Allocate the decoding batch: as many lanes as the budget has rows and places for."""
        starting = [limb for limb in limbs if limb.number in rows]
        places = max(places_for(limb, limb.start, rows[limb.number], tokens) for limb in starting)
        most = max(lanes_for(rows[limb.number]) for limb in starting)
        needed = sum(lanes_for(rows[limb.number]) for limb in starting)
        typical = max(1, sum(rows.values()) // needed)
        count = max(most, min(needed, self.budget.rows // typical + 1, self.budget.places // places))
        return Lanes(count, places, self.together)

    def _fill(
        self,
        prefill: Prefill,
        lanes: Lanes,
        seats: Mapping[int, list[tuple[Row, Path]]],
        ends: Mapping[Node, Sequence[Row]],
        asked: Mapping[int, Iterable[int]],
    ) -> None:
        """Prefill until the batch is full or nothing waits; ``ends``: the rows by their prompts' last tokens."""
        while prefill and lanes.rows < self.budget.rows:
            # A limb that takes several passes was let in by the first of them: its lanes are not free any more.
            begun = len(seats.get(prefill.begun.number, ())) if prefill.begun else 0
            free, expected = lanes.free - lanes_for(begun), lanes.rows + begun

            def admit(limb: Limb) -> bool:
                nonlocal free, expected
                starting = len(seats.get(limb.number, ()))
                if lanes_for(starting) > free or (starting and expected >= self.budget.rows):
                    return False
                free, expected = free - lanes_for(starting), expected + starting
                return True

            scene = prefill.next(self.budget.tokens, admit)
            if scene is None:
                return
            nodes, logits = self._prefill(prefill, scene, asked)
            read = [(row, at) for at, node in enumerate(nodes) for row in ends[node]]
            if read:
                self._push([row for row, _ in read], logits[[at for _, at in read]])
            for piece in scene.finished():
                new = [
                    Seat(row, path, 0, row.ids[-1], len(row.prompt) + len(row.ids) - 1)
                    for row, path in seats.get(piece.limb.number, ())
                    if row.finish is None
                ]
                if new:
                    lanes.admit(piece, prefill.store, new)

    def _step(self, lanes: Lanes) -> None:
        """Write one token of every row in the batch."""
        step = lanes.begin()
        logits = self._forward(lanes, [s.token for s in step.seats], [s.position for s in step.seats])
        done = self._push([seat.row for seat in step.seats], logits)
        for seat in step.seats:
            seat.token, seat.position = seat.row.ids[-1], seat.position + 1
        if any(done):
            self._keep(lanes, [seat for seat, finished in zip(step.seats, done, strict=True) if finished])
            lanes.remove(seat for seat, finished in zip(step.seats, done, strict=True) if finished)

    def _begin(
        self,
        limbs: Sequence[Limb],
        paths: Sequence[Path],
        sequences: Sequence[tuple[int, ...]],
        asked: Mapping[int, Sequence[int]],
    ) -> Prefill:
        """Begin to read ``sequences``. A limb's first tokens come from memory, up to the first that is ``asked``."""
        memory = self.memory
        if memory is None:
            return Prefill(limbs)
        memory.begin()
        longest: dict[int, tuple[int, ...]] = {}
        for sequence, path in zip(sequences, paths, strict=True):
            longest[path.limb.number] = max(longest.get(path.limb.number, ()), sequence, key=len)

        def recall(limb: Limb, store: Store) -> int:
            return memory.recall(limb, longest[limb.number], min(*asked[limb.number], len(limb.trunk)), store)

        return Prefill(limbs, recall)

    def _keep(self, lanes: Lanes, seats: Sequence[Seat]) -> None:
        """Keep what finished rows have seen: all but the last token, which was never read."""
        if self.memory is None:
            return
        for seat in seats:
            self.memory.keep((*seat.row.prompt, *seat.row.ids[:-1]), *lanes.kept(seat))

    def _push(self, rows: Sequence[Row], logits: torch.Tensor) -> list[bool]:
        return [row.push(token) for row, token in zip(rows, next_tokens(logits, rows), strict=True)]

    def _prefill(
        self, prefill: Prefill, scene: Pass, wanted: Mapping[int, Iterable[int]]
    ) -> tuple[list[Node], torch.Tensor]:
        """Run a pass; return those of the ``wanted`` tokens that are in it, and their logits (nodes x vocabulary).

        Where memory runs out, the budget is halved and the pass put back: no nodes are returned then.
        """
        nodes, at = scene.find(wanted)
        try:
            return nodes, self._forward(scene, scene.tokens(), scene.positions(), at)
        except RuntimeError as error:
            if not self._makes_do(error):
                raise
        prefill.again(scene)
        scene.pieces.clear()
        return [], torch.empty(0)

    def _makes_do(self, error: RuntimeError) -> bool:
        """Halve the budget if it is memory that has run out; ``False`` where that is not so, or not possible."""
        if not out_of_memory(error) or not self.budget.halve():
            return False
        log.warning("out of memory: going on with passes of at most %d tokens", self.budget.tokens)
        if self.memory is not None:
            self.memory.shrink(self.budget.kept)
        return True

    def _forward(
        self, scene: Scene, tokens: Sequence[int], positions: Sequence[int], keep: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Run one packed row of tokens; return the logits at the indices ``keep`` (all of them where ``None``)."""
        self.forward_tokens += len(tokens)
        device = self.model.device
        options: dict[str, Any] = {}
        if keep is not None and self._keeps:
            # Projecting onto the vocabulary is costly: only where it is asked for (somewhere, at least).
            options["logits_to_keep"] = torch.tensor(list(keep) or [0], device=device)
        with playing(scene) as cache:
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
        parameters = inspect.signature(bare.forward).parameters
        self._keeps = "logits_to_keep" in parameters
        before = bare.config._attn_implementation
        if not {"position_ids", "past_key_values"} <= set(parameters) or not _attends_to_all(
            bare.config.get_text_config(), self.encoder.limit
        ):
            log.warning("%s is run one prompt at a time: its layers do not see the whole prompt", type(bare).__name__)
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
        limbs, paths = plant([ids, fork])
        ends = [paths[0].node(len(ids) - 1), paths[1].node(len(fork) - 1)]
        scene = Prefill(limbs).next(64)
        assert scene is not None
        nodes, at = scene.find(_by_limb(ends))
        try:
            ours = self._forward(scene, scene.tokens(), scene.positions(), at).float()
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
            limbs, _ = plant([tuple(i % 97 for i in range(tokens))])
            scene = Prefill(limbs).next(tokens)
            assert scene is not None
            with torch.inference_mode():
                self._forward(scene, scene.tokens(), scene.positions(), [0])

        config = self.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        place = 2 * config.num_hidden_layers * heads * size * self.model.dtype.itemsize
        budget = probe(self.model.device, run, place)
        budget.tokens = settings.batch_tokens or budget.tokens
        budget.rows = settings.rows or budget.rows
        return budget


def _by_limb(nodes: Iterable[Node]) -> dict[int, list[int]]:
    """Nodes as token indices by limb number."""
    grouped: dict[int, list[int]] = defaultdict(list)
    for limb, token in nodes:
        grouped[limb].append(token)
    return grouped


def _attends_to_all(config: Any, limit: int) -> bool:
    """Whether every layer attends to everything before it, at positions that do not depend on the others'."""
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    slides = window is not None and window < limit and getattr(config, "use_sliding_window", True)
    if "sliding_attention" in kinds and window is not None and window >= limit:
        kinds.discard("sliding_attention")
    rope = getattr(config, "rope_parameters", None) or {}
    fixed = rope.get("rope_type", "default") not in ("dynamic", "longrope")
    return fixed and kinds <= {"full_attention"} and not (slides and not getattr(config, "layer_types", None))
