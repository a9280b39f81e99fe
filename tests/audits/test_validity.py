"""What ``validate`` says of data whose answer is known by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.audits.validity.calibration import bins
from interplay_bench.audits.validity.decision_validity import liked_by_place
from interplay_bench.audits.validity.match_validity import match_validity
from interplay_bench.audits.validity.nearness import genre_overlap, nearnesses
from interplay_bench.audits.validity.suggestions import suggestions
from interplay_bench.cli.main import main
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Item

WAR, LOVE = "war", "romance"
FILMS = {"Ran": WAR, "Heat": WAR, "Jaws": LOVE, "Fargo": LOVE, "Alien": WAR}


def film(title: str) -> dict[str, object]:
    return {"id": title, "title": title, "attributes": {"genre": [FILMS[title]]}}


def record(name: str, target: str, liked: dict[str, bool], likes: str) -> dict[str, object]:
    """A dialogue that proposes films in turn; the user says nothing of note."""
    turns: list[dict[str, object]] = [{"role": "user", "text": "Something good?"}]
    for title in liked:
        turns += [
            {"role": "recommender", "text": f"Try {title}.", "recommended": [title]},
            {"role": "user", "text": "Hm."},
        ]
    persona = {"general_preferences": "films", "history": [{"item": likes, "review": "good"}], "target_attributes": "x"}
    return {"id": name, "user_id": name, "persona": persona, "target": target, "turns": turns, "liked": liked}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """To the target, a liked war film is near, and of the two disliked ones neither; another liked one is far."""
    rows = [
        record("one", "Ran", {"Heat": True, "Jaws": False, "Ran": True}, likes="Alien"),
        record("two", "Ran", {"Fargo": True, "Jaws": False, "Ran": True}, likes="Fargo"),
    ]
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, those in (("train", rows[:1]), ("test", rows)):
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in those))
    (folder / "catalog.jsonl").write_text("".join(f"{json.dumps({**film(t), 'genre': FILMS[t]})}\n" for t in FILMS))
    return folder


def test_suggestions_are_what_people_judged_without_the_target(corpus: Path) -> None:
    found = suggestions(load_dataset("jsonl", str(corpus)).dialogues)
    assert [(each.item.title, each.liked) for each in found] == [
        ("Heat", True), ("Jaws", False), ("Fargo", True), ("Jaws", False),
    ]  # fmt: skip
    assert [item.title for item in found[0].likes] == ["Alien"]


def test_areas_of_genres_by_hand(corpus: Path) -> None:
    found = suggestions(load_dataset("jsonl", str(corpus)).dialogues)
    measures = {"genres": nearnesses((), None, None, seed=0)["genre overlap"]}
    areas, means = match_validity(found, measures)
    values = {figure.column: figure.score.value for figure in areas.figures}
    # To Ran: Heat 1, Fargo 0 against Jaws 0 and 0: two pairs won, two tied.
    assert values["AUC to the target"] == pytest.approx(0.75)
    # To Alien: Heat 1, Jaws 0. To Fargo: Fargo 1, Jaws 1. Each liked one wins a pair and ties a pair.
    assert values["AUC to what they like"] == pytest.approx(0.75)
    assert values["not liked (the target)"] == 2
    found_means = {figure.column: figure.score.value for figure in means.figures}
    assert found_means == {"liked": 0.5, "not liked": 0.0, "to another's target": 0.25}


def test_genres_overlap_by_share() -> None:
    both, war, none = (Item("a", "A", attributes={"genre": (WAR, LOVE)}), Item("b", "B", attributes={"genre": (WAR,)}),
                       Item("c", "C"))  # fmt: skip
    assert genre_overlap(both, war) == 0.5
    assert genre_overlap(war, none) is None


def test_places_are_shares_with_one_of_each_kind_added(corpus: Path) -> None:
    shares = liked_by_place(load_dataset("jsonl", str(corpus)).dialogues)
    assert shares == {0: 5 / 8, 1: 3 / 4, 2: 1 / 4, 3: 3 / 4}


def test_bins_are_of_equal_size_by_rising_probability() -> None:
    low, high = bins([(0.9, False), (0.1, False), (0.7, True), (0.3, False)], count=2)
    assert (low.probability, high.probability) == pytest.approx((0.2, 0.8))
    assert (low.liked, low.asked, high.liked, high.asked) == (0, 2, 1, 2)


def test_the_command_prints_tables_and_writes_a_page_with_runs(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["run", "--task", "user_multiturn", "--model", "accept-first", "--dataset", "jsonl", "--data", str(corpus)]
    assert main([*run, "--set", "counterfactual=random", "--output", "first"]) == 0
    capsys.readouterr()
    words = ["validate", "--dataset", "jsonl", "--data", str(corpus), "--match-score", "off"]
    assert main([*words, "--runs", "first", "--output", "page"]) == 0
    said = capsys.readouterr().out
    page = (tmp_path / "page" / "validity.md").read_text()
    for part in ("Match Score against likes: 2 suggestions liked, 2 not", "SR - swapped", "genre overlap"):
        assert part in said
        assert part in page
    assert "interplay-bench validate --dataset jsonl --data corpus" in page
    assert str(tmp_path) not in page
    assert main([*words, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    place = next(r for r in rows if r["row"].startswith("place alone (share") and r["figure"] == "decision AUC")
    # Liked are places 1 and 3, two thirds in train; not liked is 2, a third.
    assert place["value"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "sample"], "do not tell both what people liked"),
        ([], "Name the data by --dataset"),
        (["--dataset", "crsarena"], "takes --data CRSARENA-DIAL"),
        (["--dataset", "crsarena", "--data", "nowhere"], "holds no crs_arena_dial_open.json"),
    ],
)
def test_what_cannot_be_validated_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_run_over_other_data_is_refused(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        main(["run", "--task", "user_multiturn", "--model", "accept-first", "--limit", "2", "--output", "other"]) == 0
    )
    words = ["validate", "--dataset", "jsonl", "--data", str(corpus), "--match-score", "off", "--runs", "other"]
    assert main(words) == 2
    assert "is over sample/test, and the labels are of jsonl/test" in capsys.readouterr().err
