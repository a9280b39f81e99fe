from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from interplay_bench.cli.main import main

if TYPE_CHECKING:
    from tests.leaderboard.conftest import Shelf


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["publish", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_a_record_holds_numbers_and_provenance_and_no_texts(shelf: Shelf) -> None:
    path = shelf.add("mine", shelf.multiturn(90, 5))
    record = json.loads(path.read_text())
    assert record["metrics"]["SR"]["count"] == 90
    assert record["model"]["card"]["summary"] == "A model"
    for key in ("ledger", "command", "versions", "machine", "git"):
        assert record[key]
    assert "secret" not in path.read_text()
    assert "finished" not in record["timing"]


def test_no_local_path_is_published(shelf: Shelf) -> None:
    command = "interplay-bench run --task user_multiturn --model ./cards/mine.toml --data '/home/me/my data/test.jsonl'"
    path = shelf.add(
        "/home/me/cards/mine.toml",
        shelf.multiturn(90, 5, model="/home/me/weights/encoder"),
        command=command + " --set engine.model=/home/me/model.gguf --set engine.base_url=http://server/v1/chat",
        request__model="./cards/mine.toml",
        request__data="/home/me/my data/test.jsonl",
        request__settings={"engine.model": "/home/me/model.gguf"},
        model__identity={"weights": "/home/me/model.gguf", "hub": "org/name", "template": "{{ a }}</s>/{{ b }}"},
    )
    text = path.read_text()
    assert "/home" not in text
    assert "my data" not in text
    record = json.loads(text)
    assert record["model"]["name"] == "mine"
    assert record["model"]["identity"] == {
        "weights": "model.gguf", "hub": "org/name", "template": "{{ a }}</s>/{{ b }}"
    }  # fmt: skip
    assert record["request"]["data"] == "test.jsonl"
    assert record["command"] == (
        "interplay-bench run --task user_multiturn --model mine.toml --data test.jsonl "
        "--set engine.model=model.gguf --set engine.base_url=http://server/v1/chat"
    )
    assert "model:encoder" in record["metrics"]["SR"]["signature"]


def test_a_hub_id_stays(shelf: Shelf) -> None:
    record = json.loads(shelf.add("mine", shelf.multiturn(1, 1), request__data="org/pearl").read_text())
    assert record["request"]["data"] == "org/pearl"


def test_a_partial_run_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    run = shelf.run("mine", shelf.multiturn(1, 1), status="running")
    assert "--resume" in complaint(capsys, run)


@pytest.mark.parametrize("git", [None, {"commit": "c0ffee", "dirty": True}])
def test_a_dirty_tree_is_refused_unless_allowed_and_then_shown(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], git: dict[str, object] | None
) -> None:
    run = shelf.run("mine", shelf.multiturn(1, 1), git=git)
    assert "--allow-dirty" in complaint(capsys, run)
    assert not list(shelf.results.iterdir())
    assert main(["publish", str(run), "--allow-dirty"]) == 0
    shelf.render()
    for name in ("README.md", "index.html", "tables.tex", "leaderboard.json"):
        assert "dirty tree" in shelf.text(name), name


def test_a_clean_tree_is_not_called_dirty(shelf: Shelf) -> None:
    shelf.add("mine", shelf.multiturn(1, 1))
    shelf.render()
    assert "dirty tree" not in shelf.text()


def test_a_duplicate_is_refused_and_named(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    first = shelf.add("mine", shelf.multiturn(90, 5))
    capsys.readouterr()
    assert first.name in complaint(capsys, shelf.run("mine", shelf.multiturn(91, 5)))


@pytest.mark.parametrize(
    "change",
    [
        {"dataset__fingerprint": "sha256:beef"},
        {"task__options": {"history": "self"}},
        {"request__seed": 1},
        {"versions": {"python": "3.11.0", "interplay-bench": "0.2.0"}},
        {"model__identity": {"revision": "abc"}},
        {"dataset__dialogues": 120},
    ],
)
def test_what_differs_is_no_duplicate(shelf: Shelf, change: dict[str, object]) -> None:
    shelf.add("mine", shelf.multiturn(90, 5))
    shelf.add("mine", shelf.multiturn(90, 5), **change)
    assert len(list(shelf.results.iterdir())) == 2
    assert sum(len(table["rows"]) for table in shelf.tables()) == 2


def test_a_rate_that_is_not_its_count_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = shelf.multiturn(90, 5)
    metrics["SR"]["value"] = 0.95
    assert "SR" in complaint(capsys, shelf.run("mine", metrics))


def test_a_folder_without_a_run_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no run directory" in complaint(capsys, shelf.root)


def test_a_real_run_is_published_and_rendered(shelf: Shelf, toy: object, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("oracle", "accept-first"):
        arguments = ["--task", "user_multiturn", "--model", model, "--dataset", "toy", "--plugin", str(toy)]
        assert main(["run", *arguments, "--output", f"runs/{model}"]) == 0
        assert main(["publish", f"runs/{model}", "--allow-dirty"]) == 0
    table, beyond = shelf.tables()
    assert "agreement with people" in str(beyond)
    assert [(row["model"], row["control"], row["knows_target"]) for row in table["rows"]] == [
        ("accept-first", True, False),
        ("oracle", True, True),
    ]
    assert "interplay-bench run --task user_multiturn --model accept-first --dataset toy" in shelf.text()
