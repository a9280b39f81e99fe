"""A catalogue's titles as a trie over tokens, and a text's way through it: what a title in the markup can be.

Outside a title, a text is free but for what would spell the markup in ordinary tokens. Behind a token that opens a
title only the trie's tokens follow, and where a title is whole, the token that closes it. Plain Python, so that every
engine asks the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from interplay_bench.engines.language_model import UNBOUND, UNMARKED
from interplay_bench.engines.local.grammar import title_pairs
from interplay_bench.environment.errors import IncompatibleModelError, UsageError

ROOT = 0


class TitleTrie:
    """Titles as token ids, each with the id of the item that it names.

    ``pairs``: the tokens that open a title, each with the one that closes it. ``spelling``: ordinary tokens in which
    the markup could be spelt; a text that is bound to titles has none of them outside a title.
    """

    def __init__(
        self, titles: Iterable[tuple[Sequence[int], str]], pairs: Mapping[int, int], spelling: Iterable[int] = ()
    ) -> None:
        self.pairs, self.spelling = dict(pairs), frozenset(spelling)
        self.steps: list[dict[int, int]] = [{}]
        self.items: dict[int, str] = {}
        self.titles_below: Counter[int] = Counter()
        self._paths: dict[str, list[list[int]]] = {}
        for ids, item in titles:
            self._add(ids, item)

    @classmethod
    def of(cls, tokenizer: Any, titles: Mapping[str, str]) -> Self:
        """The trie of ``titles`` (how each is written, and its item's id), as ``tokenizer`` has them in the markup."""
        pairs = title_pairs(tokenizer)
        if not pairs:
            raise IncompatibleModelError(UNMARKED)
        opening, closing = map(tokenizer.convert_ids_to_tokens, next(iter(pairs.items())))
        special = {*tokenizer.get_added_vocab().values(), *tokenizer.all_special_ids}
        # Between the markup's tokens, since some tokenizers write a leading space only at a text's beginning.
        whole = tokenizer([f"{opening}{text}{closing}" for text in titles], add_special_tokens=False)["input_ids"]
        written = [ids[1:-1] for ids in whole]
        read = tokenizer.batch_decode(written, clean_up_tokenization_spaces=False)
        exact = [
            (ids, item)
            for ids, again, (text, item) in zip(written, read, titles.items(), strict=True)
            if again.strip() == text.strip() and special.isdisjoint(ids)
        ]
        ordinary = [token for token in range(len(tokenizer)) if token not in special]
        texts = tokenizer.batch_decode([[token] for token in ordinary], clean_up_tokenization_spaces=False)
        return cls(exact, pairs, (token for token, text in zip(ordinary, texts, strict=True) if "<" in text))

    def below(self, items: Iterable[str]) -> Counter[int]:
        """How many titles of ``items`` end at each node or below it."""
        return Counter(node for item in items for path in self._paths.get(item, ()) for node in path)

    def _add(self, ids: Sequence[int], item: str) -> None:
        path = [ROOT]
        for token in ids:
            path.append(self.steps[path[-1]].setdefault(token, len(self.steps)))
            if path[-1] == len(self.steps):
                self.steps.append({})
        if ids and path[-1] not in self.items:
            self.items[path[-1]] = item
            self.titles_below.update(path)
            self._paths.setdefault(item, []).append(path)


def bound_to(titles: TitleTrie | None) -> TitleTrie:
    """The trie that an engine was bound to; a :class:`UsageError` where it was bound to none."""
    if titles is None:
        raise UsageError(UNBOUND)
    return titles


class TitleWalk:
    """Where in the titles of a trie one text stands.

    ``named``: the items that it does not name; each that it has named is one of them. ``left``: for each title that it
    has named, the probability that free decoding would have left the trie in it.
    """

    def __init__(self, trie: TitleTrie, named: Iterable[str] = ()) -> None:
        self.trie = trie
        self.left: list[float] = []
        self._named = set(named)
        self._gone = trie.below(self._named)
        self._closing: int | None = None
        self._node, self._stayed = ROOT, 1.0

    @property
    def inside(self) -> bool:
        """Whether the next token is of a title, or closes one."""
        return self._closing is not None

    def known(self) -> list[int]:
        """Inside a title: the tokens that go on with a title of the catalogue, or close it."""
        assert self._closing is not None
        return [*self.trie.steps[self._node], *([self._closing] if self._node in self.trie.items else ())]

    def allowed(self) -> list[int]:
        """Those of them that do not lead to items that were named alone; never empty."""
        assert self._closing is not None
        below, gone = self.trie.titles_below, self._gone
        closes = self.trie.items.get(self._node)
        steps = [token for token, node in self.trie.steps[self._node].items() if gone[node] < below[node]]
        return steps if closes is None or closes in self._named else [*steps, self._closing]

    def disallowed(self) -> frozenset[int]:
        """Outside a title: what could spell the markup, and what would open a title where none is left to be named."""
        exhausted = self._gone[ROOT] == self.trie.titles_below[ROOT]
        return self.trie.spelling | self.trie.pairs.keys() if exhausted else self.trie.spelling

    def weigh(self, stayed: float) -> None:
        """Note how likely free decoding is to write one of the :meth:`known` tokens next."""
        self._stayed *= stayed

    def push(self, token: int) -> None:
        """Go on by a token that is allowed."""
        if self._closing is None:
            self._closing, self._node, self._stayed = self.trie.pairs.get(token), ROOT, 1.0
        elif token == self._closing:
            item = self.trie.items[self._node]
            self.left.append(min(1.0, max(0.0, 1 - self._stayed)))
            self._named.add(item)
            self._gone.update(self.trie.below([item]))
            self._closing = None
        else:
            self._node = self.trie.steps[self._node][token]
