"""What stands in the page: the data, and nothing that could be read as markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from interplay_bench.datasets.load import load_dataset
from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.reports.viewer.bundle import bundle
from interplay_bench.reports.viewer.viewer_page import embedded, write_page
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from tests.reports.conftest import Open, dialogue, run

PLUGIN = Path(__file__).parent.parent / "simulation" / "talk_plugin.py"


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    load_plugin(PLUGIN)
    monkeypatch.setattr("interplay_bench.simulation.simulation_metrics.similarity", lambda dialogues: None)


def data_of(page: Path) -> object:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "\u2028\u2029", "\ud800 alone", "a & b", "\\u003c"],
)
def test_no_text_leaves_the_data_element(write: Open, text: str) -> None:
    entry = dialogue("d", said=text)
    page = write({"runs": [run("a")], "dialogues": [entry]})
    found = data_of(page)
    assert found["dialogues"][0]["turns"][0]["text"] == f"{text} (0)"  # type: ignore[index]
    raw = embedded({"text": text})
    assert not set(raw) & set("<>&\u2028\u2029\ud800")


def test_it_is_one_file_that_loads_nothing(write: Open) -> None:
    text = write({"runs": [run("a")], "dialogues": [dialogue("d")]}).read_text()
    assert not re.search(r"https?://|<link[^>]+stylesheet|<img|src=", text)
    assert "default-src 'none'" in text
    assert "innerHTML" not in text


def test_simulations_are_shown_with_their_notes(tmp_path: Path) -> None:
    made = simulate(
        SimulationRequest("talkative", "bookseller", "library", data="30", decisions=True), tmp_path / "run"
    )
    shown = bundle([made])
    assert shown["runs"] == [
        {"name": "talkative × bookseller", "told": False, "task": "interplay", "data": "library/test",
         "synthetic": False}
    ]  # fmt: skip
    assert len(shown["dialogues"]) == 30
    turns = [turn for entry in shown["dialogues"] for turn in entry["turns"]]
    assert any("malformed" in note for turn in turns for note in turn.get("notes", ()))
    assert any(turn.get("decision", {}).get("p") is not None for turn in turns)
    assert turns[0]["script"]
    assert write_page(tmp_path / "deep" / "page.html", [made], limit=7) == 7
    with pytest.raises(UsageError, match="no dialogue with the outcome 'lost'"):
        bundle([made], "lost")


def test_replays_are_shown_with_their_decisions(toy: Path, tmp_path: Path) -> None:
    load_plugin(toy)
    replayed = evaluate("user_multiturn", "likes-dune", "toy", output=tmp_path / "run")
    shown = bundle([replayed])
    decided = [turn["decision"] for entry in shown["dialogues"] for turn in entry["turns"] if "decision" in turn]
    assert {"verdict": "accept", "p": 0.9} in decided
    assert shown["dialogues"][0]["target"] == "Dune (1965)"
    assert [entry.get("taken") for entry in shown["dialogues"][:4]] == [["Dune (1965)"]] * 3 + [None]
    assert not any("gold" in entry for entry in shown["dialogues"])


def test_a_simulation_stands_beside_the_dialogue_that_gave_its_persona(toy: Path, tmp_path: Path) -> None:
    load_plugin(toy)
    made = simulate(SimulationRequest("likes-dune", "fixed-list", "toy", limit=3), tmp_path / "run")
    entry = bundle([made])["dialogues"][0]
    assert [turn["text"] for turn in entry["gold"]] == [turn.text for turn in load_dataset("toy")[0].turns]
    accepted = any(turn["action"] == "accept" for turn in entry["turns"])
    assert ("taken" in entry) == accepted


def test_recommendations_stand_beside_the_turns_that_they_replace(tmp_path: Path) -> None:
    made = evaluate("recommender", "bm25", "sample", limit=20, settings={"match_score": "off"}, output=tmp_path / "run")
    shown = bundle([made])["dialogues"]
    for entry, sample in zip(shown, made.samples, strict=True):
        (said,) = sample.detail["recommendations"]
        replies = {place: turn["reply"] for place, turn in enumerate(entry["turns"]) if "reply" in turn}
        assert replies == {said["turn"]: {"action": "recommend", "text": said["text"]}}
    assert made["Recall@1"].count
    assert "target" not in str([turn for entry in shown for turn in entry["turns"]])


def test_what_was_made_up_is_noted(tmp_path: Path) -> None:
    made = evaluate("recommender", "bm25", "sample", limit=1, settings={"match_score": "off"}, output=tmp_path / "run")
    log = made.folder / "samples.jsonl"
    log.write_text(log.read_text().replace('"repeated":false,"text"', '"repeated":true,"text"').replace(
        '"unknown":[]', '"unknown":["The Quiet Robots"]'))  # fmt: skip
    notes = [turn["notes"] for turn in bundle([made])["dialogues"][0]["turns"] if "notes" in turn]
    assert notes == [["recommends what was named before", "made up: The Quiet Robots"]]


def test_words_of_its_own_stand_beside_the_gold_ones(toy: Path, tmp_path: Path) -> None:
    load_plugin(toy)
    settings = {"history": "self"}
    replayed = evaluate("user_multiturn", "likes-dune", "toy", settings=settings, limit=4, output=tmp_path / "run")
    turns = [turn for entry in bundle([replayed])["dialogues"] for turn in entry["turns"]]
    said = [turn["reply"]["text"] for turn in turns if "reply" in turn]
    assert said
    assert set(said) == {"Hm."}
