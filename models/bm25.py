"""A retrieval control: the items whose facts share most words with what the user said.

BM25 as Lucene has it (k1 = 1.5, b = 0.75), by the library bm25s; ordinary English words are left out. An item's text
is its title and its attributes. The query is the user's turns so far, and the attributes of the items named in them.
Items that share no word with it come last, in a seeded order.

Robertson, S. and Zaragoza, H. (2009). The probabilistic relevance framework: BM25 and beyond. Lù, X. H. (2024).
BM25S: orders of magnitude faster lexical search via eager sparse scoring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interplay_bench.dialogues.dialogue import Item, Role, View
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulators.adapter import adapter

from .item_order import ItemOrder


@adapter("bm25")
class Bm25(ItemOrder):
    """Control: recommends the item whose facts share most words with what the user said (BM25)."""

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Index the items' titles and attributes."""
        import bm25s

        super().set_catalog(catalog)
        self.titles = catalog.titles
        self.index = bm25s.BM25()
        if self.items:
            self.index.index(_tokens([f"{item.title} {_facts(item)}" for item in self.items]), show_progress=False)

    def order(self, view: View) -> Sequence[Item]:
        """By the score for the user's words."""
        import numpy as np

        items = self.items or ()
        said = [turn for turn in view.turns if turn.role is Role.USER]
        named = [self.titles.find(item.title, item.year) for turn in said for item in turn.items]
        (query,) = _tokens([" ".join([*(turn.text for turn in said), *(_facts(item) for item in named if item)])])
        known = [word for word in query if word in self.index.vocab_dict] if items else []
        if not known:
            return items
        scores = self.index.get_scores(known)
        return [items[place] for place in np.argsort(-scores, kind="stable")]


def _facts(item: Item) -> str:
    return " ".join(value for values in item.attributes.values() for value in values).replace("_", " ")


def _tokens(texts: list[str]) -> list[list[str]]:
    import bm25s

    tokens: Any = bm25s.tokenize(texts, stopwords="en_plus", return_ids=False, show_progress=False)
    return list(tokens)
