from __future__ import annotations

import pytest

from interplay_bench.metrics.words import words


def test_words_stand_between_white_space() -> None:
    score = words(["I liked Heat (1995).", "", " two\n words "])
    assert score.value == 2
    assert (score.n, score.direction) == (3, None)
    assert score.signature == "words|tok:whitespace|interval:bootstrap-sample-95|version:1"


def test_dialogues_can_be_clusters() -> None:
    texts = ["one", "one", "one two three", "one two three"]
    alone, together = words(texts), words(texts, ["a", "a", "b", "b"])
    assert alone.value == together.value == pytest.approx(2)
    assert (together.low, together.high) == (1, 3)


def test_no_response() -> None:
    assert words([]).value is None
