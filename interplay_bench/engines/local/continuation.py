"""One text being written: which token comes next, and when it ends."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.markup import END
from interplay_bench.engines.language_model import NOT_A_NUMBER, Generation, Sampling
from interplay_bench.engines.local.grammar import Grammar, GrammarState
from interplay_bench.engines.local.title_trie import TitleTrie, TitleWalk, bound_to
from interplay_bench.environment.errors import BackendError

if TYPE_CHECKING:
    import torch

LOOKBACK = 8
"""Tokens decoded beside those that a stop string could span: one may hold part of a character only."""


class Ending:
    """What ends a text: the model's end tokens, the markup's where it is one token, and stop strings.

    And what keeps it to the markup, and to ``titles``, where the sampling says so.
    """

    def __init__(self, model: Any, tokenizer: Any, sampling: Sampling, titles: TitleTrie | None = None) -> None:
        configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        self.tokenizer = tokenizer
        self.stop = tuple(filter(None, sampling.stop))
        self.window = max(map(len, self.stop), default=0) + LOOKBACK
        self.ids = {i for i in (*ids, tokenizer.eos_token_id, tokenizer.get_added_vocab().get(END)) if i is not None}
        self.grammar = Grammar(tokenizer, self.ids) if sampling.guided else None
        self.titles = bound_to(titles) if sampling.guided == "catalogue" else None
        self.silent = self.ids | {i for i in (tokenizer.pad_token_id, tokenizer.bos_token_id) if i is not None}

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``, the markup's tokens included."""
        kept = [i for i in ids if i not in self.silent]
        return str(self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def reached(self, ids: Sequence[int]) -> bool:
        """Whether the last of ``ids`` completes a stop string."""
        if not self.stop:
            return False
        tail = self.decode(ids[-self.window :])
        return any(stop in tail for stop in self.stop)


@dataclass(slots=True)
class Continuation:
    """A text in progress. What it becomes depends on its prompt and the sampling, never on its neighbours."""

    prompt: tuple[int, ...]
    sampling: Sampling
    ending: Ending
    rng: random.Random
    ids: list[int]
    place: GrammarState | None
    walk: TitleWalk | None
    finish: str | None = None

    @classmethod
    def start(
        cls, prompt: tuple[int, ...], sampling: Sampling, ending: Ending, named: frozenset[str] = frozenset()
    ) -> Continuation:
        """Begin a text; its random numbers come from the seed and the prompt's ids.

        ``named``: the items that a text bound to titles does not name.
        """
        seed = hashlib.blake2b(array("q", [sampling.seed, *prompt]).tobytes(), digest_size=8).digest()
        place = ending.grammar.start(prompt) if ending.grammar else None
        walk = TitleWalk(ending.titles, named) if ending.titles else None
        return cls(prompt, sampling, ending, random.Random(int.from_bytes(seed, "big")), [], place, walk)

    def disallowed(self) -> frozenset[int]:
        """The tokens that cannot come next: none, unless the text is guided by the markup's grammar.

        Within a title of a catalogue, :meth:`TitleWalk.allowed` says what can.
        """
        grammar = self.ending.grammar
        if grammar is None or self.place is None or (self.walk and self.walk.inside):
            return frozenset()
        barred = grammar.disallowed(self.place)
        return barred | self.walk.disallowed() if self.walk else barred

    def push(self, token: int) -> bool:
        """Add a token; return whether the text ends here."""
        self.ids.append(token)
        if self.ending.grammar and self.place is not None:
            self.place = self.ending.grammar.after(self.place, token)
        if self.walk:
            self.walk.push(token)
        if token in self.ending.ids or self.ending.reached(self.ids):
            self.finish = "stop"
        elif len(self.ids) >= self.sampling.max_tokens:
            self.finish = "length"
        return self.finish is not None

    def generation(self, dropped_turns: int) -> Generation:
        """The finished text, cut before the first stop string."""
        # The last ids of the prompt come along, since some tokenizers write a leading space only inside a text.
        anchor = [i for i in self.prompt[-1:] if i not in self.ending.silent]
        before, text = self.ending.decode(anchor), self.ending.decode([*anchor, *self.ids])
        text = text[len(before) :] if text.startswith(before) else self.ending.decode(self.ids)
        cut = min((at for stop in self.ending.stop if (at := text.find(stop)) >= 0), default=len(text))
        left = tuple(self.walk.left) if self.walk else None
        return Generation(text[:cut], len(self.prompt), len(self.ids), self.finish or "length", dropped_turns, left)


def next_tokens(logits: torch.Tensor, continuations: Sequence[Continuation]) -> list[int]:
    """Choose each text's next token from its ``logits`` (texts x vocabulary); all texts have the same sampling.

    Tokens that a text bars are struck out of ``logits``, in place.
    """
    import torch

    if bool(logits.isnan().any()):
        raise BackendError(NOT_A_NUMBER)
    _keep_to_titles(logits, continuations)
    disallowed = [(n, token) for n, continuation in enumerate(continuations) for token in continuation.disallowed()]
    if disallowed:
        struck = torch.tensor(disallowed, device=logits.device)
        logits[struck[:, 0], struck[:, 1]] = -torch.inf
    sampling = continuations[0].sampling
    if sampling.temperature <= 0:
        best: list[int] = logits.float().argmax(-1).tolist()  # slow in bfloat16 on a CPU
        return best
    probabilities = torch.softmax(logits.float() / sampling.temperature, -1)
    order = None
    if sampling.top_p < 1:
        probabilities, order = probabilities.sort(dim=-1, descending=True, stable=True)
        before = probabilities.cumsum(-1) - probabilities
        probabilities = probabilities.masked_fill(before >= sampling.top_p, 0)
    # Inverse of the distribution function: a text needs one number of its own, whatever the device.
    reached = probabilities.double().cumsum(-1)
    drawn = torch.tensor(
        [[continuation.rng.random()] for continuation in continuations], dtype=torch.float64, device=logits.device
    )
    at = torch.searchsorted(reached, drawn * reached[:, -1:], right=True).clamp_(max=logits.shape[-1] - 1)
    tokens: list[int] = (at if order is None else order.gather(-1, at)).squeeze(-1).tolist()
    return tokens


def _keep_to_titles(logits: torch.Tensor, continuations: Sequence[Continuation]) -> None:
    """Where a text stands within a title of a catalogue, strike out every token that leaves it; note their weight."""
    import torch

    for scores, text in zip(logits, continuations, strict=True):
        if text.walk and text.walk.inside:
            text.walk.weigh(float(scores.float().softmax(-1)[text.walk.known()].sum()))
            allowed = torch.tensor(text.walk.allowed(), device=logits.device)
            kept = scores[allowed]
            scores.fill_(-torch.inf)
            scores[allowed] = kept
