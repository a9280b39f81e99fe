"""Controls of live talk that know the target, and their counterparts that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from interplay_bench import load_dataset
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.evaluation.run import Run
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulation.discrimination import discrimination
from interplay_bench.simulation.episode import End, Episode
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulators import model_spec as models

TALKS = 3
GOLD = {dialogue.id: dialogue for dialogue in load_dataset("sample").dialogues[:TALKS]}


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interplay_bench.simulation.simulation_metrics.similarity", lambda dialogues: None)


def talk(user: str, recommender: str, folder: Path) -> tuple[Run, list[Episode]]:
    run = simulate(SimulationRequest(user, recommender, limit=TALKS), folder)
    return run, [Episode.of(sample) for sample in run.samples]


def test_who_is_told_recommends_the_target_first_and_each_item_once(tmp_path: Path) -> None:
    run, first = talk("accept-first", "told-item", tmp_path / "first")
    assert run["target accepted"].value == 1
    assert all(episode.accepted == (GOLD[episode.dialogue.id].target,) for episode in first)
    run, _ = talk("never-accept", "told-item", tmp_path / "never")
    assert run["repeated"].count == run["unknown items"].count == 0


def test_the_gold_pitch_is_the_users_own_word_by_word(tmp_path: Path) -> None:
    for episode in talk("accept-first", "gold-pitch", tmp_path / "gold")[1]:
        gold = GOLD[episode.dialogue.id]
        said = [turn for turn, _ in episode.spoken if turn.recommended]
        assert [turn.text for turn in said] == [gold.turns[gold.target_turn() or 0].text]
        assert episode.accepted == (gold.target,)


def test_a_wrong_pitch_is_another_users_and_never_said_twice(tmp_path: Path) -> None:
    run, episodes = talk("never-accept", "wrong-pitch", tmp_path / "wrong")
    assert not run.record.recommender.knows_target if run.record.recommender else False
    train = {turn.text for dialogue in load_dataset("sample", split="train").dialogues for turn in dialogue.turns}
    for episode in episodes:
        said = [turn for turn, _ in episode.spoken if turn.recommended]
        assert len({turn.text for turn in said}) == len(said) > 3
        assert {turn.text for turn in said} <= train
        assert not any(GOLD[episode.dialogue.id].target in turn.items for turn in said)


def test_wrong_pitches_need_a_train_split() -> None:
    adapter = models.find("wrong-pitch").build(0).adapter
    with pytest.raises(IncompatibleModelError, match="give a folder that holds it by --data"):
        adapter.set_catalog(ItemCatalog(load_dataset("sample"), lambda: None))  # type: ignore[attr-defined]


def test_discrimination_is_what_the_told_recommender_gains(tmp_path: Path) -> None:
    told, episodes = talk("fulfils:0.2", "told-item", tmp_path / "told")
    other, others = talk("fulfils:0.2", "random-item", tmp_path / "random")
    found = discrimination(told, other)
    taken = [sum(each.end is End.ACCEPTED for each in side) for side in (episodes, others)]
    assert found is not None
    assert found.effect == pytest.approx((taken[0] - taken[1]) / TALKS)
    assert found.n == TALKS
    deaf = talk("accept-first", "told-item", tmp_path / "a")[0], talk("accept-first", "random-item", tmp_path / "b")[0]
    assert getattr(discrimination(*deaf), "effect", None) == 0
