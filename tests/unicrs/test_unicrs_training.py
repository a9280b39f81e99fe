from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from interplay_bench import Dialogue, Recommender, Role, View
from interplay_bench.cli.main import main
from interplay_bench.datasets.load import item_catalog, load_dataset
from interplay_bench.dialogues.markup import Malformed
from interplay_bench.simulators import model_spec as model
from interplay_bench.unicrs.network import Answer
from interplay_bench.unicrs.stage import StageReport
from tests.unicrs.conftest import FILMS


def train(card: Path, world: Path, output: Path, *more: str) -> int:
    words = ["train", card, "--data", f"redial={world / 'train_data.jsonl'}", "--output", output, *more]
    return main([*map(str, words)])


def recommender(card: Path, checkpoint: Path, world: Path) -> Recommender:
    built = model.find(str(card), {"model": str(checkpoint)}).build().adapter
    assert isinstance(built, Recommender)
    built.set_catalog(item_catalog(load_dataset("redial", str(world), "test"), str(world)))  # type: ignore[attr-defined]
    return built


def test_from_dialogues_to_recommendations(
    card: Path, world: Path, tmp_path: Path, dialogues: tuple[Dialogue, ...]
) -> None:
    assert train(card, world, tmp_path / "out", "--set", "epochs=2,2,6", "--set", "prompt_layers=2") == 0
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    stages = record["stages"]
    assert [stage["name"] for stage in stages] == ["pre-training", "conversation", "recommendation"]
    for stage in stages:
        assert stage["train"][-1] < stage["train"][0]
    made = recommender(card, tmp_path / "out", world)
    views = [dialogue.view(Role.RECOMMENDER, 3) for dialogue in dialogues]
    ranked = made.rank(views, 4)  # type: ignore[attr-defined]
    for view, items, reply in zip(views, ranked, made.respond(views), strict=True):
        named = {item for turn in view.turns for item in turn.items}
        assert len(items) == 4
        assert not set(items) & named
        assert reply.turn.recommended[0] == items[0]  # type: ignore[union-attr]
        assert items[0].name in reply.text
        assert "<movie_title>" in reply.raw


def test_killed_and_resumed_it_ends_with_the_same_weights(
    card: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from interplay_bench.unicrs import unicrs_training as training

    assert train(card, world, tmp_path / "whole") == 0
    stages = training.STAGES

    def die(*_: object) -> StageReport:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "STAGES", (*stages[:2], die))
    with contextlib.suppress(KeyboardInterrupt):
        train(card, world, tmp_path / "broken")
    monkeypatch.setattr(training, "STAGES", stages)
    assert train(card, world, tmp_path / "broken") == 2
    assert "Add --resume" in capsys.readouterr().err
    assert train(card, world, tmp_path / "broken", "--resume", "--set", "epochs=1,1,2") == 2
    assert "another recipe" in capsys.readouterr().err
    assert train(card, world, tmp_path / "broken", "--resume") == 0
    whole, broken = (load_file(tmp_path / name / "unicrs.safetensors") for name in ("whole", "broken"))
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert not (tmp_path / "broken" / "resume").exists()


def test_no_epochs_write_the_untrained_network(card: Path, world: Path, tmp_path: Path) -> None:
    assert train(card, world, tmp_path / "out", "--set", "epochs=0,0,0") == 0
    made = recommender(card, tmp_path / "out", world)
    view = load_dataset("redial", str(world), "test").dialogues[0].view(Role.RECOMMENDER, 1)
    assert len(made.rank([view], 6)[0]) == 6  # type: ignore[attr-defined]


def test_slots_without_an_item_left_stay_empty(card: Path, world: Path, tmp_path: Path) -> None:
    assert train(card, world, tmp_path / "out", "--set", "epochs=0,0,0") == 0
    made = recommender(card, tmp_path / "out", world)
    dialogues = load_dataset("redial", str(world), "train").dialogues
    view = View(Role.RECOMMENDER, dialogues[0].persona, tuple(turn for d in dialogues for turn in d.turns))
    assert made.rank([view], 5) == [[]]  # type: ignore[attr-defined]
    answer = Answer(("Try", None, "or", None), ())
    turn = made._reply(view, answer).turn  # type: ignore[attr-defined]
    assert (turn.text, turn.mentions) == ("Tryor", ())
    assert isinstance(made._reply(view, Answer((None,), ())).turn, Malformed)  # type: ignore[attr-defined]
    made.respond([view])


def test_a_graph_of_other_names_is_refused(
    card: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entities = world / "entity2id.json"
    names = json.loads(entities.read_text())
    entities.write_text(json.dumps({f"dbr:{name.replace(' ', '_')}": number for name, number in names.items()}))
    assert train(card, world, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "named by their titles" in error
    assert error.count("\n") == 1


def test_without_the_graphs_library_it_is_one_line_before_anything_is_read(
    card: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    monkeypatch.setattr("interplay_bench.unicrs.network.FrozenLanguageModel", None)
    assert train(card, world, tmp_path / "out") == 2
    assert capsys.readouterr().err.endswith("pip install 'interplay-bench[unicrs]'.\n")


def test_pearls_records_are_learnt_from_given_a_graph(card: Path, world: Path, tmp_path: Path) -> None:
    def record(number: int) -> dict[str, object]:
        film, other = FILMS[number % 6], FILMS[(number + 1) % 6]
        said = [
            f'Recommender: Have you seen "{other}"?',
            "Seeker: No.",
            f'Recommender: Then "{film}".',
            "Seeker: Great!",
        ]
        return {"dialogue": ["Seeker: Something by Ann Lee", *said], "user_persona": "", "gt_movie_title": film}

    folder = tmp_path / "pearl"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.json").write_text(json.dumps([record(number) for number in range(12)]))
    words = ["train", card, "--set", "dataset=pearl", "--data", f"pearl={folder}", "--set", f"graph={world}"]
    assert main([*map(str, words), "--output", str(tmp_path / "out")]) == 0
    stages = json.loads((tmp_path / "out" / "training.json").read_text())["stages"]
    assert all(stage["examples"] > 8 for stage in stages)
    run = ["run", "--task", "recommender", "--model", card, "--set", f"engine.model={tmp_path / 'out'}"]
    run += ["--dataset", "pearl", "--data", folder, "--set", "protocol=unicrs", "--output", tmp_path / "run", "--json"]
    assert main([*map(str, run)]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "graph=nowhere"], "There is no folder nowhere"),
        (["--set", "encoder=./nowhere"], "--set encoder=all-MiniLM-L6-v2"),
        (["--set", "epochs=1,2"], "In --set epochs"),
        (["--set", "fuson=false"], "Did you mean 'fusion'"),
        (["--dry-run"], "leave it out"),
    ],
)
def test_what_is_wrong_is_one_line(
    card: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert train(card, world, tmp_path / "out", *more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
