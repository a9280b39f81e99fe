"""Cosines between items: the shipped model, models of one's own, and what is missing or broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.metrics.match_score import artefact
from interplay_bench.metrics.match_score.scorer import Scorer, find_scorer

ITEMS = (Item("1", "Toy Story", 1995), Item("2", "Matrix, The", 1999), Item("3", "Heat", 1995))


def folder(place: Path) -> Path:
    vectors = np.array([[2, 0], [0, 3], [1, 1]], np.float32)
    artefact.save(place, vectors, np.eye(2, dtype=np.float32), ITEMS, {})
    return place


def test_items_are_found_by_title_and_year_whatever_their_id(tmp_path: Path) -> None:
    scorer = Scorer.load(folder(tmp_path))
    toys, matrix = Item("redial-7", "Toy Story", 1995), Item("x", "The Matrix", None)
    assert scorer.similarity(toys, matrix) == 0
    assert scorer.similarity(toys, toys) == 1
    assert scorer.similarity(toys, Item("h", "Heat", 1995)) == pytest.approx(0.5**0.5, abs=1e-3)
    assert scorer.similarity(toys, Item("h", "Heat", 2013)) is None
    rows = np.array([0, 0, 2])
    assert scorer.similarities(rows, rows[::-1]) == pytest.approx([0.5**0.5, 1, 0.5**0.5], abs=1e-3)
    pairs = [0.0, 0.5**0.5, 0.5**0.5]
    assert scorer.random_pairs(50_000, 1) == pytest.approx(np.mean(pairs), abs=0.01)


def test_the_identity_is_that_of_vectors_and_catalogue(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one"), folder(tmp_path / "other")
    assert Scorer.load(one).identity == Scorer.load(other).identity
    catalog = (other / artefact.CATALOG).read_text().replace("Heat", "Ronin")
    (other / artefact.CATALOG).write_text(catalog)
    assert Scorer.load(one).identity != Scorer.load(other).identity


def test_the_samples_own_model_loads_without_the_libraries_that_trained_it() -> None:
    code = (
        "import sys; from interplay_bench.metrics.match_score.scorer import find_scorer; find_scorer('sample')\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'implicit', 'pandas'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_samples_own_model_is_shipped() -> None:
    scorer = find_scorer("sample")
    alien, fly, notebook = (Item("", *name) for name in (("Alien", 1979), ("The Fly", 1986), ("Annie Hall", 1977)))
    near, far = scorer.similarity(alien, fly), scorer.similarity(alien, notebook)
    assert near is not None
    assert far is not None
    assert near > 0.5 > far
    assert abs(scorer.random_pairs()) < 0.1


def test_a_model_that_is_not_there_is_named_with_its_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("INTERPLAY_DATA", raising=False)
    find_scorer.cache_clear()
    with pytest.raises(UsageError, match="interplay-bench train match-score --data"):
        find_scorer("redial")
    shutil.copytree(folder(tmp_path / "made"), tmp_path / "checkpoints" / "match-score")
    assert find_scorer("redial").similarity(ITEMS[0], ITEMS[1]) == 0
    find_scorer.cache_clear()


@pytest.mark.parametrize("name", [artefact.VECTORS, artefact.CATALOG])
def test_a_broken_model_is_one_clear_error(tmp_path: Path, name: str) -> None:
    folder(tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(CheckpointError, match=r"Match Score model|vectors"):
        Scorer.load(tmp_path)
