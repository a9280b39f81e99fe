"""A run in the hands of a Python user."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import interplay_bench as ib
from interplay_bench.plugins.plugin_file import load_plugin


@pytest.fixture(scope="module")
def run(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> ib.Run:
    load_plugin(toy)
    folder = tmp_path_factory.mktemp("python") / "run"
    return ib.evaluate("user_multiturn", "likes-dune", "toy", settings={"counterfactual": "none"}, output=str(folder))


def test_it_is_read_by_text_or_path_and_says_what_it_is(run: ib.Run) -> None:
    for folder in (run.folder, str(run.folder)):
        assert ib.Run.load(folder).record == run.record
    assert repr(run).startswith(
        "<Run user_multiturn · likes-dune on toy/test, 12 dialogues: SR 1.0000 [0.676, 1.000] 8/8"
    )
    assert ib.compare(str(run.folder), run)["SR"].found.effect == 0


def test_scores_are_numbers_and_frames(run: ib.Run) -> None:
    assert float(run["SR"]) == 1.0
    assert math.isnan(float(ib.Score("x", None, 0, "x")))
    frame = run.scores.to_pandas()
    assert frame.loc["SR", "count"] == 8
    assert list(frame.index) == list(run.scores)


def test_samples_are_frames(run: ib.Run) -> None:
    assert repr(run.samples) == "<12 samples: never_proposed 3, no_target 1, success 8>"
    frame = run.samples.to_pandas()
    assert (frame["outcome"] == "success").sum() == 8
    assert len(run.samples[:3]) == 3


def test_scores_are_drawn(run: ib.Run, tmp_path: Path) -> None:
    run.plot(tmp_path / "scores.svg")
    assert "<svg" in (tmp_path / "scores.svg").read_text()


def test_a_data_set_is_a_sequence(toy: Path) -> None:
    load_plugin(toy)
    data = ib.load_dataset("toy")
    assert len(data) == len(list(data)) == 12
    assert data[0] is data["d0"]
    assert [dialogue.id for dialogue in data[:2]] == ["d0", "d1"]
    assert repr(data) == "<DialogueSet toy/test: 12 dialogues, 6 items>"
    assert repr(data[0]) == "<Dialogue d0: 7 turns, target Dune (1965)>"
    with pytest.raises(KeyError, match="no dialogue 'nope'"):
        data["nope"]
