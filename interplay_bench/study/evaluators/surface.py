"""Measures that any evaluator should beat: how long, how repetitive, how new, whether an item is named, how the user
reacts. They know nothing of the criterion.

A turn is measured by itself, a dialogue by all of the recommender's turns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from interplay_bench.environment.extras import require
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.metrics.words import word_count
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.evaluators.evaluator import Evaluator
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import RatedItem

GRAM = 3
"""Words of a piece that counts as said again."""


def length(item: RatedItem) -> float:
    """Words of the recommender."""
    return float(sum(map(word_count, item.judged)))


def turns(item: RatedItem) -> float:
    """Turns of the dialogue, up to and with the judged one."""
    return float(len(item.dialogue.lines) if item.line is None else item.line + 1)


def repetition(item: RatedItem) -> float:
    """The share of the recommender's runs of three words that it has said before, 0 to 1."""
    said = {gram for line in item.before if line.role == "recommender" for gram in _grams(line.text)}
    again = total = 0
    for text in item.judged:
        grams = _grams(text)
        again += sum(gram in said for gram in grams)
        total += len(grams)
        said.update(grams)
    return again / total if total else 0.0


def novelty(item: RatedItem) -> float:
    """The share of the recommender's words that nobody has said before, 0 to 1."""
    heard = {word for line in item.before for word in _words(line.text)}
    lines = item.dialogue.lines if item.line is None else tuple(Line("recommender", text) for text in item.judged)
    new = total = 0
    for line in lines:
        words = _words(line.text)
        if line.role == "recommender":
            new += sum(word not in heard for word in words)
            total += len(words)
        heard.update(words)
    return new / total if total else 0.0


def item_named(item: RatedItem) -> float:
    """The share of the recommender's turns that name something as a title is written: ``Heat (1995)``, "Heat"."""
    index = TitleIndex(())
    named = [bool(index.search(text).unknown) for text in item.judged]
    return sum(named) / len(named) if named else 0.0


def sentiment(item: RatedItem) -> float | None:
    """How friendly the user's last (of a turn: next) turn is, -1 to 1; ``None`` where the user says no more.

    Hutto, C. and Gilbert, E. (2014). VADER: a parsimonious rule-based model for sentiment analysis. ICWSM.
    """
    return float(_vader().polarity_scores(item.reaction)["compound"]) if item.reaction else None


def _each(measure: Callable[[RatedItem], float | None]) -> Evaluator:
    def rate(criterion: Criterion, items: Sequence[RatedItem]) -> list[float | None]:
        return [measure(item) for item in items]

    return rate


SURFACE: Mapping[str, Evaluator] = {
    "length": _each(length),
    "turns": _each(turns),
    "repetition": _each(repetition),
    "novelty": _each(novelty),
    "item named": _each(item_named),
    "sentiment": _each(sentiment),
}


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _grams(text: str) -> list[tuple[str, ...]]:
    words = _words(text)
    return [tuple(words[n : n + GRAM]) for n in range(len(words) - GRAM + 1)]


@cache
def _vader() -> Any:
    return require("vaderSentiment.vaderSentiment", "study").SentimentIntensityAnalyzer()
