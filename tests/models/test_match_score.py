"""The Match Score's embeddings as a recommender: where its folder may lie."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from interplay_bench.cli.main import main

RUN = ["run", "--task", "recommender", "--model", "match-score", "--dataset", "sample", "--limit", "2"]


def test_the_folder_is_named_as_the_missing_checkpoint_advises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(RUN) == 2
    assert "--set engine.model=PATH" in capsys.readouterr().err
    shipped = str(files("interplay_bench.metrics.match_score") / "sample")
    assert main([*RUN, "--set", f"engine.model={shipped}"]) == 0


def test_it_has_no_other_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--set", "engine.dtype=float32"]) == 2
    assert "no option but engine.model" in capsys.readouterr().err
