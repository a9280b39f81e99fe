from __future__ import annotations

from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from interplay_bench import DialogueSet, Item, Preprocessing, Sample, Score
from interplay_bench.evaluation.match_metrics import match_metrics
from interplay_bench.metrics.match_score.artefact import save
from interplay_bench.metrics.match_score.match_score import Match, choose_scorer, match

NEAR, FAR, TARGET = Item("n", "Near", 1999), Item("f", "Far", 1990), Item("t", "Target", 2000)
UNKNOWN = Item("u", "")
FILMS = DialogueSet("films", "test", (), (NEAR, FAR, TARGET), Preprocessing())


class Decades:
    """A scorer by the distance in years, as a share of ten; what has no title is unknown to it."""

    identity = "decades"
    domains = frozenset({"movie"})

    def similarity(self, a: Item, b: Item) -> float | None:
        return 1 - abs((a.year or 0) - (b.year or 0)) / 10 if a.title and b.title else None

    def random_pairs(self, n: int = 10000, seed: int = 0) -> float:
        return 0.5


SCORER: Any = Decades()


def scores(found: list[Match | None], scorer: object) -> list[Score]:
    """What a task with this scorer reports of one turn in each dialogue, of a user each."""
    task: Any = SimpleNamespace(scorer=scorer, seed=0)
    samples = [Sample(f"d{i}", f"u{i}", "done") for i in range(len(found))]
    metrics = match_metrics(
        lambda task, samples: {(i, 0): each for i, each in enumerate(found)}, lambda task: {"protocol": "paper"},
        paired=True,
    )  # fmt: skip
    return [score for metric in metrics if (score := metric.score(task, samples)) is not None]


def test_who_names_nothing_scores_nothing() -> None:
    found = [match(SCORER, items, TARGET) for items in ([NEAR], [NEAR, FAR], [], [UNKNOWN], [TARGET])]
    assert [(m.value, m.known) for m in found if m] == [
        (0.9, True), (pytest.approx(fmean((0.9, 0.0))), True), (0.0, False), (0.0, False), (1.0, True)
    ]  # fmt: skip
    assert match(SCORER, [NEAR], UNKNOWN) is None


def test_the_floor_is_taken_off() -> None:
    found = [match(SCORER, [NEAR], TARGET), match(SCORER, [TARGET], TARGET), match(SCORER, [NEAR], UNKNOWN)]
    score, coverage, floor, corrected = scores(found, SCORER)
    assert score.value == pytest.approx(0.95)
    assert score.n == 2
    assert (coverage.count, coverage.total) == (2, 3)
    assert floor.value == 0.5
    assert corrected.value == pytest.approx(0.9)
    assert corrected.low == pytest.approx(((score.low or 0) - 0.5) / 0.5)
    assert score.signature.startswith("match-score|scorer:decades|")
    assert corrected.signature.startswith("match-score-corrected|pairs:10000|seed:0|scorer:decades|")


def test_a_trained_models_folder_is_a_scorer(tmp_path: Path) -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=np.float32)
    save(tmp_path, vectors, np.eye(2, dtype=np.float32), (NEAR, FAR, TARGET), {})
    scorer = choose_scorer(str(tmp_path), FILMS)
    assert scorer is not None
    found = match(scorer, [NEAR], Item("another id", "target", 2000))
    assert found is not None
    assert found.value == pytest.approx(0.6, abs=1e-3)
    assert found.known


def test_without_a_scorer_the_record_says_so() -> None:
    assert choose_scorer("off", FILMS) is None
    (score,) = scores([None], None)
    assert score.value is None
    assert score.signature == "match-score|scorer:none|protocol:paper"
