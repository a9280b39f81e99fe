"""One text being written: which token comes next, and when it ends."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interplay_bench.engines.grammar import Grammar, Place
from interplay_bench.language_model import Generation, Sampling
from interplay_bench.markup import END

if TYPE_CHECKING:
    import torch

LOOKBACK = 8
"""Tokens decoded beside those that a stop string could span: one may hold part of a character only."""


class Ending:
    """What ends a text: the model's end tokens, the markup's where it is one token, and stop strings."""

    def __init__(self, model: Any, tokenizer: Any, sampling: Sampling) -> None:
        configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        self.tokenizer = tokenizer
        self.stop = tuple(filter(None, sampling.stop))
        self.window = max(map(len, self.stop), default=0) + LOOKBACK
        self.ids = {i for i in (*ids, tokenizer.eos_token_id, tokenizer.get_added_vocab().get(END)) if i is not None}
        self.grammar = Grammar(tokenizer, self.ids) if sampling.guided else None
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
class Row:
    """A text in progress. What it becomes depends on its prompt and the sampling, never on its neighbours."""

    prompt: tuple[int, ...]
    sampling: Sampling
    ending: Ending
    dice: random.Random
    ids: list[int]
    place: Place | None
    finish: str | None = None

    @classmethod
    def start(cls, prompt: tuple[int, ...], sampling: Sampling, ending: Ending) -> Row:
        """Begin a text; its random numbers come from the seed and the prompt's ids."""
        seed = hashlib.blake2b(array("q", [sampling.seed, *prompt]).tobytes(), digest_size=8).digest()
        place = ending.grammar.start(prompt) if ending.grammar else None
        return cls(prompt, sampling, ending, random.Random(int.from_bytes(seed, "big")), [], place)

    def barred(self) -> frozenset[int]:
        """The tokens that cannot come next: none, unless the text is guided by the markup's grammar."""
        grammar = self.ending.grammar
        return frozenset() if grammar is None or self.place is None else grammar.barred(self.place)

    def push(self, token: int) -> bool:
        """Add a token; return whether the text ends here."""
        self.ids.append(token)
        if self.ending.grammar and self.place is not None:
            self.place = self.ending.grammar.after(self.place, token)
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
        return Generation(text[:cut], len(self.prompt), len(self.ids), self.finish or "length", dropped_turns)


def next_tokens(logits: torch.Tensor, rows: Sequence[Row]) -> list[int]:
    """Choose each row's next token from its ``logits`` (rows x vocabulary); all rows have the same sampling.

    Tokens that a row bars are struck out of ``logits``, in place.
    """
    import torch

    barred = [(n, token) for n, row in enumerate(rows) for token in row.barred()]
    if barred:
        struck = torch.tensor(barred, device=logits.device)
        logits[struck[:, 0], struck[:, 1]] = -torch.inf
    sampling = rows[0].sampling
    if sampling.temperature <= 0:
        best: list[int] = logits.float().argmax(-1).tolist()  # slow in bfloat16 on a CPU
        return best
    chances = torch.softmax(logits.float() / sampling.temperature, -1)
    order = None
    if sampling.top_p < 1:
        chances, order = chances.sort(dim=-1, descending=True, stable=True)
        before = chances.cumsum(-1) - chances
        chances = chances.masked_fill(before >= sampling.top_p, 0)
    # Inverse of the distribution function: a row needs one number of its own, whatever the device.
    reached = chances.double().cumsum(-1)
    drawn = torch.tensor([[row.dice.random()] for row in rows], dtype=torch.float64, device=logits.device)
    at = torch.searchsorted(reached, drawn * reached[:, -1:], right=True).clamp_(max=logits.shape[-1] - 1)
    tokens: list[int] = (at if order is None else order.gather(-1, at)).squeeze(-1).tolist()
    return tokens
