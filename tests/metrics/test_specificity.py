from __future__ import annotations

import pytest

from interplay_bench.metrics.specificity import specificity, unique_ngrams


def test_unique_ngrams_of_the_joined_turns() -> None:
    assert unique_ngrams(["a b a b", "a b"], 2) == 2
    assert unique_ngrams(["a b", "c"], 2) == 2
    assert unique_ngrams(["a"], 2) == 0
    assert unique_ngrams([], 4) == 0


def test_the_mean_over_dialogues() -> None:
    score = specificity([["a b c"], ["A b, c"]], 2)
    assert score.value == pytest.approx((2 + 3) / 2)
    assert "level:dialogue" in score.signature
    assert score.low is not None
    assert specificity([], 2).value is None
    with pytest.raises(ValueError, match="at least 1"):
        specificity([["a"]], 0)
