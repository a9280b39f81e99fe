from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest

from interplay_bench import Item
from interplay_bench.metrics.match_score import choose_scorer, match, match_scores

NEAR, FAR, TARGET = Item("n", "Near", 1999), Item("f", "Far", 1990), Item("t", "Target", 2000)
UNKNOWN = Item("u", "")


class Decades:
    """A scorer by the distance in years, as a share of ten; what has no title is unknown to it."""

    identity = "decades"

    def similarity(self, a: Item, b: Item) -> float | None:
        return 1 - abs((a.year or 0) - (b.year or 0)) / 10 if a.title and b.title else None

    def random_pairs(self, n: int = 10000, seed: int = 0) -> float:
        return 0.5


SCORER: Any = Decades()


def test_who_names_nothing_scores_nothing() -> None:
    found = [match(SCORER, items, TARGET) for items in ([NEAR], [NEAR, FAR], [], [UNKNOWN], [TARGET])]
    assert [(m.value, m.known) for m in found if m] == [
        (0.9, True), (pytest.approx(fmean((0.9, 0.0))), True), (0.0, False), (0.0, False), (1.0, True)
    ]  # fmt: skip
    assert match(SCORER, [NEAR], UNKNOWN) is None


def test_the_floor_is_taken_off() -> None:
    found = [match(SCORER, [NEAR], TARGET), match(SCORER, [TARGET], TARGET), match(SCORER, [NEAR], UNKNOWN)]
    score, coverage, floor, corrected = match_scores(found, ["a", "b", "c"], SCORER, protocol="paper")
    assert score.value == pytest.approx(0.95)
    assert score.n == 2
    assert (coverage.count, coverage.total) == (2, 3)
    assert floor.value == 0.5
    assert corrected.value == pytest.approx(0.9)
    assert corrected.low == pytest.approx(((score.low or 0) - 0.5) / 0.5)
    assert score.signature.startswith("match-score|scorer:decades|")
    assert corrected.signature.startswith("match-score-corrected|pairs:10000|seed:0|scorer:decades|")


def test_without_a_scorer_the_record_says_so() -> None:
    assert choose_scorer("off", "sample") is None
    (score,) = match_scores([None], ["a"], None, protocol="paper")
    assert score.value is None
    assert score.signature == "match-score|scorer:none|protocol:paper"
