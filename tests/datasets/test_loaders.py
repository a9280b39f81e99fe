"""The loaders of SGD, RecQuest, CPCD, OpenDialKG and LAPS, on records of the shape of the real ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.audits.label_audit import audit_labels
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Action, Dialogue
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.environment.errors import DataError


def frame(*acts: list[Any], service: str = "Restaurants_1") -> dict[str, Any]:
    return {"service": service, "acts": list(acts)}


def offer(name: str) -> dict[str, Any]:
    return frame(["OFFER", "restaurant_name", [name]], ["OFFER", "city", ["Oakland"]])


SGD = {
    "dialogue_id": "1_1",
    "services": ["Restaurants_1"],
    "offers": [{"turn": 1, "label": "reject"}, {"turn": 3, "label": "accept"}],
    "turns": [
        {"speaker": "USER", "utterance": "A place like Zaytoon?", "frames": [frame(["INFORM", "name", ["Z"]])]},
        {"speaker": "SYSTEM", "utterance": "How about Tay Ho in Oakland?", "frames": [offer("Tay Ho")]},
        {"speaker": "USER", "utterance": "What else?", "frames": [frame(["REQUEST_ALTS", "", []])]},
        {"speaker": "SYSTEM", "utterance": "There is Zaytoon.", "frames": [offer("Zaytoon")]},
        {"speaker": "USER", "utterance": "Fine, that one.", "frames": [frame(["SELECT", "", []])]},
        {
            "speaker": "SYSTEM",
            "utterance": "Zaytoon has no table.",
            "frames": [frame(["OFFER", "restaurant_name", ["Zaytoon"]], ["OFFER", "time", ["7"]])],
        },
        {
            "speaker": "SYSTEM",
            "utterance": "It is 20 degrees.",
            "frames": [frame(["OFFER", "temperature", ["20"]], service="Weather_1")],
        },
    ],
}


def one(name: str, path: Path, split: str = "test") -> Dialogue:
    (dialogue,) = load_dataset(name, str(path), split).dialogues
    return dialogue


def test_sgd(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "test.jsonl.gz", "wt") as handle:
        handle.write(json.dumps(SGD))
    dialogue = one("sgd", tmp_path)
    assert dialogue.verdicts == {1: False, 3: True}
    assert list(dialogue.proposals()) == [1, 3]  # neither another time at the same place, nor the weather
    assert dialogue.target is not None
    assert (dialogue.target.title, dialogue.target.domain) == ("Zaytoon", "restaurant")
    assert [turn.action for turn in dialogue.turns[:5]] == [
        Action.DISCLOSE_GOAL,
        Action.RECOMMEND,
        Action.FEEDBACK,
        Action.RECOMMEND,
        Action.ACCEPT,
    ]
    assert dialogue.persona.target_attributes == "A place like …?"


def test_sgds_goal_is_what_is_asked_of_an_item_until_one_is_taken(tmp_path: Path) -> None:
    def said(text: str, *acts: list[Any]) -> dict[str, Any]:
        return {"speaker": "USER", "utterance": text, "frames": [frame(*acts)]}

    offer = {"speaker": "SYSTEM", "utterance": "Zaytoon?", "frames": [frame(["OFFER", "restaurant_name", ["Zaytoon"]])]}
    turns = [
        said("Food in Oakland.", ["INFORM", "city", ["Oakland"]], ["INFORM", "restaurant_name", ["Zaytoon"]]),
        offer,
        said(
            "No, in Napa.", ["REQUEST_ALTS", "", []], ["INFORM", "city", ["Napa"]], ["INFORM", "price_range", ["low"]]
        ),
        offer,
        said("Yes, at 5.", ["SELECT", "", []], ["INFORM", "time", ["5 pm"]]),
        said("No, make it 6.", ["INFORM", "time", ["6 pm"]]),
    ]
    offers = [{"turn": 1, "label": "reject"}, {"turn": 3, "label": "accept"}]
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"dialogue_id": "1", "offers": offers, "turns": turns}))
    assert one("sgd-goal", path).persona.target_attributes == "restaurant: city Napa, price range low."
    assert one("sgd", path).persona.target_attributes == "Food in Oakland."


def test_the_rules_are_held_against_sgds_acts(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps(SGD))
    rows = {row.label: row for row in audit_labels("sgd", Source(str(path)))}
    assert set(rows) == {"accept (restaurant)", "reject (restaurant)", "accept (all)", "reject (all)"}
    assert (rows["accept (all)"].support, rows["accept (all)"].total) == (1, 2)
    assert (rows["reject (all)"].support, rows["reject (all)"].total) == (1, 2)


def test_sgd_of_several_films_the_one_spoken_of_is_the_target(tmp_path: Path) -> None:
    films = frame(["OFFER", "movie_name", ["Hustlers", "Yesterday"]], service="Movies_1")
    turns = [
        {"speaker": "SYSTEM", "utterance": "Hustlers or Yesterday?", "frames": [films]},
        {"speaker": "USER", "utterance": "I take Yesterday.", "frames": [frame(["SELECT", "", []])]},
    ]
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"dialogue_id": "1", "offers": [{"turn": 0, "label": "accept"}], "turns": turns}))
    dialogue = one("sgd", path)
    assert dialogue.target is not None
    assert dialogue.target.title == "Yesterday"
    assert [mention.item.title for mention in dialogue.turns[0].mentions] == ["Hustlers", "Yesterday"]


RECQUEST = {
    "id": "s1",
    "domain": "laptop",
    "target": {"id": "B2", "title": None},
    "recommendations": ["B1", "B2"],
    "messages": [
        {"role": "human", "content": "Something light"},
        {"role": "system", "content": "Selected item for recommendation: Acme Slate 13 Laptop, 8GB, Red (ID: B1)"},
        {"role": "system", "content": "Added to recommended: B1 (Item B1)"},
        {"role": "ai", "content": "I recommend the Acme Slate 13 because it is light."},
        {"role": "human", "content": "A larger one"},
        {"role": "system", "content": "Selected item for recommendation: Acme Stone 17 (ID: B2)"},
        {"role": "system", "content": "Added to recommended: B2 (Item B2)"},
        {"role": "ai", "content": "I recommend the Acme Stone 17."},
        {"role": "ai", "content": "Great! You've selected **Acme Stone 17**. Are you sure?"},
        {"role": "human", "content": "Yes, I want this one."},
    ],
}


def test_recquest(tmp_path: Path) -> None:
    (tmp_path / "dialogues.jsonl").write_text(json.dumps(RECQUEST))
    task = {
        "story": "You want an Acme Stone 17, or another large laptop.",
        "target": {"asin": "B2", "title": "Acme Stone 17"},
    }
    (tmp_path / "tasks_laptop.json").write_text(json.dumps([task]))
    dialogue = one("recquest", tmp_path)
    assert dialogue.target is not None
    assert dialogue.target.title == "Acme Stone 17"
    assert dialogue.persona.target_attributes == "You want an …, or another large laptop."
    assert (dialogue.verdicts, dialogue.outcome) == ({1: False, 3: True}, "selected")
    assert dialogue.turns[-1].action is Action.ACCEPT
    assert not any("You've selected" in turn.text for turn in dialogue.turns)
    (mention,) = dialogue.turns[1].mentions
    assert dialogue.turns[1].text[mention.start : mention.end] == "Acme Slate 13"


CPCD = {
    "id": "p",
    "tracks": {
        "a": {"track_titles": "Snowblind", "track_artists": ["Au5"], "track_release_titles": "Snowblind"},
        "b": {"track_titles": "Believe", "track_artists": ["Cher"], "track_release_titles": "Believe"},
    },
    "goal_playlist": ["a"],
    "turns": [
        {
            "user_query": "No vocals please",
            "system_response": "Here.",
            "liked_results": ["a"],
            "disliked_results": ["b"],
        }
    ],
}


def test_cpcd(tmp_path: Path) -> None:
    (tmp_path / "dialogs.jsonl").write_text(json.dumps(CPCD))
    dialogue = one("cpcd", tmp_path, "valid")
    assert dialogue.liked == {"a": True, "b": False}
    assert dialogue.turns[1].text == "Here. Shown: Believe by Cher; Snowblind by Au5."
    assert [item.id for item in dialogue.turns[1].recommended] == ["b", "a"]
    assert dialogue.target is not None
    assert dialogue.target.id == "a"


OPENDIALKG = {"dialog_id": 1, "turn_id": 1, "context": ["I like Heat."], "rec": ["Ronin"], "resp": "Try Ronin."}


def test_opendialkg(tmp_path: Path) -> None:
    rows = [
        OPENDIALKG,
        {
            "dialog_id": 1,
            "turn_id": 3,
            "context": ["I like Heat.", "Try Ronin.", "Seen it."],
            "rec": ["Ronin", "Jaws"],
            "resp": "Ronin again, or Jaws.",
        },
    ]
    (tmp_path / "test_data_processed.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "id2info.json").write_text(
        json.dumps({"0": {"name": "Jaws", "year": "1974", "writer": ["Peter Benchley"]}})
    )
    dialogue = one("opendialkg", tmp_path)
    assert [[item.name for item in turn.recommended] for turn in dialogue.turns] == [[], ["Ronin"], [], ["Jaws (1974)"]]
    assert dialogue.target is not None
    assert dialogue.target.domain == "book"


LAPS_SAID = (
    ("User", "A light dinner please"),
    ("Assistant", "Try this: https://www.example.org/recipes/12/air-fryer-broccoli.html?x=1."),
    ("User", "I will try it"),
)
LAPS_SESSION = {
    "dialogue": [{"role": role, "turn_number": i, "message": text} for i, (role, text) in enumerate(LAPS_SAID)],
    "preferences": {"dish_like": ["air fryer broccoli", "soup"]},
}
LAPS = {"worker_id": "w", "topic": "recipe", "sessions": [LAPS_SESSION, LAPS_SESSION]}


def test_laps(tmp_path: Path) -> None:
    (tmp_path / "recipe_dataset_test.json").write_text(json.dumps([LAPS]))
    first, second = load_dataset("laps", str(tmp_path)).dialogues
    assert first.target is not None
    assert (first.target.title, first.target.domain) == ("air fryer broccoli", "recipe")
    assert first.persona.general_preferences == ""
    assert second.persona.general_preferences == "Dish like: … and soup."
    assert [turn.action for turn in first.turns] == [Action.CHAT, Action.RECOMMEND, Action.ACCEPT]


@pytest.mark.parametrize(
    ("name", "file", "row", "said"),
    [
        ("sgd", "test.jsonl", {"dialogue_id": "1", "offers": [{"turn": 0}], "turns": []}, "An offer in line 1"),
        ("sgd", "test.jsonl", {"dialogue_id": "1", "offers": [], "turns": [3]}, "Turn 0 of line 1"),
        ("recquest", "dialogues.jsonl", {"messages": [{"role": "judge", "content": ""}]}, "'role' in message 0"),
        ("cpcd", "test.jsonl", {"tracks": {}, "turns": [{"liked_results": ["x"], "disliked_results": []}]}, "'x'"),
        ("opendialkg", "test_data_processed.jsonl", {"dialog_id": 1, "turn_id": 2, "context": [], "resp": ""}, "id"),
        ("laps", "recipe_dataset_test.json", {"worker_id": "w", "topic": "recipe", "sessions": [3]}, "Session 1 of"),
    ],
)
def test_a_broken_record_names_its_place(tmp_path: Path, name: str, file: str, row: Any, said: str) -> None:
    (tmp_path / file).write_text(json.dumps(row))
    with pytest.raises(DataError) as error:
        load_dataset(name, str(tmp_path))
    assert said in str(error.value)


def test_a_file_that_is_no_gzip_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl.gz").write_text("{}")
    with pytest.raises(DataError, match="no gzip file"):
        load_dataset("sgd", str(tmp_path))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within ``value``; of a list, to its first two."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def damaged(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of ``record`` with another ``value`` at ``path``; without it, where ``value`` is ``...``."""
    copy = json.loads(json.dumps(record))
    *way, last = path
    parent = copy
    for key in way:
        parent = parent[key]
    if value is ...:
        del parent[last]
    else:
        parent[last] = value
    return copy


ODD: tuple[Any, ...] = (..., None, "", -1, [[1]], {"x": None}, " \u202e\ufb01\u0301\u200b")


@pytest.mark.parametrize(
    ("name", "file", "record"),
    [
        ("sgd", "test.jsonl", SGD),
        ("recquest", "dialogues.jsonl", RECQUEST),
        ("cpcd", "test.jsonl", CPCD),
        ("opendialkg", "test_data_processed.jsonl", OPENDIALKG),
        ("laps", "recipe_dataset_test.json", LAPS),
    ],
)
def test_whatever_a_field_holds_it_is_read_or_one_error(tmp_path: Path, name: str, file: str, record: Any) -> None:
    read, errors = 0, list[str]()
    for path in places(record):
        for value in ODD:
            (tmp_path / file).write_text(json.dumps(damaged(record, path, value)))
            try:
                read += load_dataset(name, str(tmp_path)).fingerprint != ""
            except DataError as error:
                errors.append(str(error))
    assert read
    assert errors
    assert not [error for error in errors if "\n" in error]


def test_repeated_ids_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "recipe_dataset_test.json").write_text(json.dumps([LAPS, LAPS]))
    (tmp_path / "test.jsonl").write_text("\n".join([json.dumps(SGD)] * 3))
    for name in ("laps", "sgd"):
        dialogues = load_dataset(name, str(tmp_path)).dialogues
        assert len({dialogue.id for dialogue in dialogues}) == len(dialogues) > 2
