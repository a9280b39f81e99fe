"""Systems as people rank them, and as dialogues do, on an arena made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.environment.errors import DataError
from interplay_bench.study.arena.arena_dialogues import read_arena, read_simulated
from interplay_bench.study.arena.system_ranking import ranking_validity

SYSTEMS = ("good_redial", "fair_redial", "poor_redial")


def dialogue(name: str, reply: str, **more: object) -> dict[str, object]:
    said = [("USER", "Hi"), ("AGENT", reply), ("USER", "\\end")]
    conversation = [{"participant": who, "utterance": text} for who, text in said]
    return {"conversation ID": name, "conversation": conversation, **more}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Good beats fair beats poor in most votes; the better, the more words; the simulator meets good and poor."""
    people, simulators = tmp_path / "people", tmp_path / "simulators"
    people.mkdir()
    (simulators / "dialogues").mkdir(parents=True)
    (simulators / "llm_quality").mkdir()
    votes = [("good_redial", "fair_redial", "good_redial")] * 4 + [("fair_redial", "poor_redial", "fair_redial")] * 4
    votes += [("good_redial", "poor_redial", "tie")]
    rows = [f"s{n},u,{one},{other},{winner}," for n, (one, other, winner) in enumerate(votes)]
    for part in ("open", "closed"):
        text = "session_id,user_id,crs1,crs2,vote,feedback\n" + "".join(f"{row}\n" for row in rows)
        (people / f"votes_{part}.csv").write_text(text)
        talks = [
            dialogue(f"{part}{place}{n}", "word " * (9 - place), agent={"id": system},
                     metadata={"sentiment": "satisfied" if n > place else "frustrated"})
            for place, system in enumerate(SYSTEMS) for n in range(4)
        ]  # fmt: skip
        (people / f"crs_arena_dial_{part}.json").write_text(json.dumps(talks))
    for system, words, score in (("Good_ReDial", 2, 1), ("Poor_ReDial", 5, 4), ("Other_ReDial", 1, 1)):
        name = f"{system}_ABUS_ReDial.json"
        talks = [dialogue(f"{system}{n}", "word " * words) for n in range(4)]
        (simulators / "dialogues" / name).write_text(json.dumps(talks))
        judged = {system: {"REC_RELEVANCE": [{"conversation_id": "same", "score": score}] * 4}}
        (simulators / "llm_quality" / f"quality_evaluation_{name}").write_text(json.dumps(judged))
    return people, simulators


def test_both_corpora_are_read(folders: tuple[Path, Path]) -> None:
    arena = read_arena(folders[0])
    assert arena.systems == tuple(sorted(SYSTEMS))
    assert (len(arena.dialogues), len(arena.votes)) == (24, 18)
    assert [line.text for line in arena.dialogues[0].lines][:1] == ["Hi"]
    assert len(arena.dialogues[0].lines) == 2  # the mark of the end is nothing that is said
    (simulator,) = simulated = read_simulated(folders[1], arena.systems)
    assert simulator == "ABUS"
    assert {each.system for each in simulated["ABUS"]} == {"good_redial", "poor_redial"}
    assert simulated["ABUS"][0].scores == {"REC_RELEVANCE": 1.0}


def test_metrics_are_held_against_votes(folders: tuple[Path, Path]) -> None:
    pytest.importorskip("vaderSentiment", reason="the extra study is not installed")
    arena = read_arena(folders[0])
    systems, votes, satisfaction = ranking_validity(arena, read_simulated(folders[1], arena.systems))
    assert [figure.row for figure in systems.figures if figure.column == "votes"] == list(SYSTEMS)
    rates = {f.row: f.score.count for f in systems.figures if f.column == "satisfied"}
    assert rates == {"good_redial": 6, "fair_redial": 4, "poor_redial": 2}
    for table in (votes, satisfaction):
        taus = {(figure.row, figure.column): figure.score.value for figure in table.figures}
        assert taus["words of the recommender", "people's dialogues (3)"] == 1
        assert taus["words of the recommender", "ABUS (2)"] == -1
        assert taus["LLM judge: rec relevance", "ABUS (2)"] == -1
    assert ("people's satisfaction", "people's dialogues (3)") in {(f.row, f.column) for f in votes.figures}


def test_a_vote_for_a_stranger_is_one_line(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "votes_open.csv"
    path.write_text(path.read_text().replace("tie", "nobody"))
    with pytest.raises(DataError, match="is 'nobody' between"):
        read_arena(folders[0])
