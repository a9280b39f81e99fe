"""A simulation read back as a data set: to replay, and to train on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.datasets.load import load_dataset
from interplay_bench.environment.errors import DataError, MissingDataError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.run import Run
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulation.corpus import FILE, LEFT_OUT, read_corpus
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.training.examples import places
from interplay_bench.training.examples import read_corpus as read_training_corpus
from interplay_bench.training.training_recipe import TrainingRecipe

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent.parent / "simulation" / "talk_plugin.py"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    load_plugin(PLUGIN)
    monkeypatch.setattr("interplay_bench.simulation.simulation_metrics.similarity", lambda dialogues: None)
    return simulate(SimulationRequest("talkative", "bookseller", "library", data="40"), tmp_path / "run")


def test_the_dialogues_come_back_without_those_that_broke_off(run: Run) -> None:
    found = load_dataset("simulated", str(run.folder))
    episodes = read_corpus(run.folder)
    assert list(found.dialogues) == [each.dialogue for each in episodes if each.end not in LEFT_OUT]
    assert found.synthetic
    assert found.preprocessing.rows == 40
    assert len(found.dialogues) == found.preprocessing.kept < 40
    assert {item.title for item in found.items} >= {"Dune", "No Such Book"}


@pytest.mark.parametrize(
    ("place", "junk"),
    [
        (("id",), ["d0"]),
        (("user_id",), 3),
        (("outcome",), 0),
        (("persona", "general_preferences"), {}),
        (("persona", "target_attributes"), 0.5),
        (("turns", 0, "text"), None),
        (("target", "domain"), ["book"]),
        (("target", "id"), {}),
        (("target", "year"), "1965"),
    ],
)
def test_values_of_another_type_are_named_with_their_line(run: Run, place: tuple[str | int, ...], junk: object) -> None:
    lines = (run.folder / FILE).read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if json.loads(line)["target"])
    record = json.loads(lines[at])
    part = record
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = junk
    (run.folder / FILE).write_text("\n".join([*lines[:at], json.dumps(record), *lines[at + 1 :]]) + "\n")
    with pytest.raises(DataError, match=rf"line {at + 1} of .* is no simulated dialogue"):
        load_dataset("simulated", str(run.folder))


def test_it_can_be_replayed(run: Run, tmp_path: Path) -> None:
    replayed = evaluate("user_multiturn", "accept-first", "simulated", data=str(run.folder), output=tmp_path / "replay")
    assert replayed.record.dataset.synthetic
    assert replayed.complete


def test_the_personas_of_one_split_are_not_another_unless_the_file_is_named(run: Run) -> None:
    with pytest.raises(MissingDataError, match="personas of library/test, not of a train split: simulate with --split"):
        load_dataset("simulated", str(run.folder), "train")
    assert (
        load_dataset("simulated", str(run.folder / FILE), "train").dialogues
        == load_dataset("simulated", str(run.folder)).dialogues
    )


def test_a_recipe_learns_from_it(run: Run) -> None:
    recipe = TrainingRecipe(role="user", base="b", dataset=("simulated",))  # type: ignore[arg-type]
    corpus = read_training_corpus(recipe, places([f"simulated={run.folder / FILE}"], recipe))
    assert len(corpus.dialogues) == len(load_dataset("simulated", str(run.folder)).dialogues)
    assert corpus.domains == ("book",)


def test_what_is_wrong_names_the_mend(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="give its file, or a folder with"):
        load_dataset("simulated")
    with pytest.raises(DataError, match="has no dialogues"):
        load_dataset("simulated", str(tmp_path))
    assert main(["train", "usersim-smollm2", "--data", f"simulated={run.folder}", "--dry-run"]) == 2
    assert "--set dataset=sample,redial,simulated adds it" in capsys.readouterr().err
