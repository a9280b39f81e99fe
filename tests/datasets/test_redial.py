from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.audits.attribute_audit import audit_attributes
from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Action, Role
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.items.title_leak import leak

SEEKER, HELPER = 7, 8
NAMES: dict[str, str | None] = {
    "10": "Heat  (1995)",
    "11": "Ronin (1998)",
    "12": "Collateral  (2004)",
    "13": "Dude, Where%3Fs (2000)",
    "14": None,
}
FACTS = {
    "10": {
        "name": "Heat (1995)",
        "genre": ["action", "crime"],
        "plot": 'A detective feels the heat. The making of "Heat".',
        "director": ["Michael Mann"],
        "writer": [],
        "star": ["Al Pacino", "Robert De Niro"],
    },
    "12": {"genre": ["crime", "thriller"], "plot": "", "director": ["Michael Mann"], "star": ["Tom Cruise"]},
}


def answer(suggested: int, liked: int) -> dict[str, int]:
    return {"suggested": suggested, "seen": 1, "liked": liked}


def record(*said: tuple[int, str], **changes: Any) -> dict[str, Any]:
    return {
        "conversationId": "1",
        "initiatorWorkerId": SEEKER,
        "respondentWorkerId": HELPER,
        "movieMentions": NAMES,
        "initiatorQuestions": {
            "10": answer(1, 1),
            "11": answer(1, 0),
            "12": answer(0, 1),
            "13": answer(1, 2),
            "14": answer(0, 2),
        },
        "respondentQuestions": [],
        "messages": [{"senderWorkerId": who, "text": text} for who, text in said],
        **changes,
    }


USUAL = record(
    (SEEKER, "Hi!"),
    (SEEKER, "Something like @12"),
    (HELPER, "Try @11 or @13?"),
    (SEEKER, "Seen @11."),
    (HELPER, "Then@10! And @12, and @11 again"),
    (SEEKER, "I'll watch it, thanks"),
)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def write_and_load(*records: dict[str, Any] | str, facts: Any = None, attributes: str = "wish") -> DialogueSet:
        lines = [each if isinstance(each, str) else json.dumps(each) for each in records]
        path = tmp_path / "test_data.jsonl"
        path.write_text("\n".join(lines))
        if facts is not None:
            (tmp_path / "id2info.json").write_text(json.dumps(facts))
        return DATASETS.find("redial").loader(Source(str(path), options={"attributes": attributes}))

    return write_and_load


def test_a_dialogue(load: Any) -> None:
    (dialogue,) = load(USUAL, facts=FACTS).dialogues
    assert [(turn.role, turn.action, turn.text) for turn in dialogue.turns] == [
        (Role.USER, Action.DISCLOSE_GOAL, "Hi! Something like Collateral (2004)"),
        (Role.RECOMMENDER, Action.RECOMMEND, "Try Ronin (1998) or Dude, Where?s (2000)?"),
        (Role.USER, Action.FEEDBACK, "Seen Ronin (1998)."),
        (Role.RECOMMENDER, Action.RECOMMEND, "Then Heat (1995)! And Collateral (2004), and Ronin (1998) again"),
        (Role.USER, Action.ACCEPT, "I'll watch it, thanks"),
    ]
    assert [[item.id for item in turn.recommended] for turn in dialogue.turns] == [[], ["11", "13"], [], ["10"], []]
    assert dialogue.target is not None
    assert dialogue.target.name == "Heat (1995)"
    assert dialogue.target_turn() == 3
    assert dialogue.liked == {"11": False, "10": True}
    for turn in dialogue.turns:
        assert [turn.text[m.start : m.end] for m in turn.mentions] == [m.item.name for m in turn.mentions]


def test_the_persona_is_made_of_what_the_seeker_brought_up(load: Any) -> None:
    (dialogue,) = load(USUAL, facts=FACTS, attributes="facts").dialogues
    persona = dialogue.persona
    assert persona.general_preferences == "Enjoys crime and thriller films. Has liked the work of Michael Mann."
    assert [(seen.item.id, seen.review) for seen in persona.history] == [
        ("12", "Liked it: a crime and thriller film directed by Michael Mann, with Tom Cruise.")
    ]
    assert persona.target_attributes == (
        "An action and crime film directed by Michael Mann, with Al Pacino and Robert De Niro."
        ' A detective feels the heat. The making of "…".'
    )


def test_attributes_are_a_wish_that_ten_films_fulfil(load: Any) -> None:
    alike = {"name": "x", "genre": ["action", "crime"], "plot": "A robbery.", "director": [], "writer": [], "star": []}
    facts = {
        **{str(number): alike for number in range(20, 29)},
        "10": {**FACTS["10"], "genre": ["action", "crime", "war"], "plot": "A Heat of a heist, by a detective."},
    }
    (dialogue,) = load(USUAL, facts=facts).dialogues
    # No other film is about war or the police: to tell so would leave no choice.
    assert dialogue.persona.target_attributes == "Wants an action and crime film about a robbery. Something exciting."
    assert dialogue.target is not None
    assert dialogue.target.attributes["theme"] == ("a robbery", "police work")


def test_what_is_named_after_the_target_is_not_in_the_history(load: Any) -> None:
    late = record((HELPER, "See @10"), (SEEKER, "I will. I love @12 too"))
    (dialogue,) = load(late, facts=FACTS).dialogues
    assert dialogue.persona.history == ()
    (dialogue,) = load(late, facts=FACTS, attributes="facts").dialogues
    assert [seen.item.id for seen in dialogue.persona.history] == ["12"]


def test_unknown_attributes_are_an_error(load: Any) -> None:
    with pytest.raises(UsageError, match="'plot', where wish or facts is needed"):
        load(USUAL, attributes="plot")


@pytest.mark.slow
def test_the_audit_tells_a_wish_from_a_riddle(data: Path) -> None:
    place = str(data / "redial")
    rows = {}
    for kind in ("wish", "facts"):
        source = load_dataset("redial", place, options={"attributes": kind})
        rows[kind] = {row.what: row for row in audit_attributes(source.dialogues, ItemCatalog(source, lambda: None))}
    assert "people" not in rows["wish"]
    assert rows["wish"]["everything"].singled_out <= 1
    assert rows["wish"]["words (BM25)"].singled_out <= 0.05 * rows["wish"]["words (BM25)"].told
    assert rows["facts"]["people"].singled_out > 0.8 * rows["facts"]["people"].told
    assert rows["facts"]["words (BM25)"].singled_out > 0.9 * rows["facts"]["words (BM25)"].told


def test_without_metadata_there_are_no_attributes(load: Any) -> None:
    (dialogue,) = load(USUAL).dialogues
    assert dialogue.persona.target_attributes == ""
    assert dialogue.persona.general_preferences == ""
    assert [seen.review for seen in dialogue.persona.history] == ["Liked it."]


def test_no_answers_no_target(load: Any) -> None:
    loaded = load({**USUAL, "initiatorQuestions": []})
    (dialogue,) = loaded.dialogues
    assert dialogue.target is None
    assert not any(turn.recommended for turn in dialogue.turns)


def test_a_liked_film_that_is_never_newly_named_stays_the_target(load: Any) -> None:
    (dialogue,) = load(record((SEEKER, "Is @10 good?"), (HELPER, "Yes, @10 is."), (SEEKER, "ok"))).dialogues
    assert dialogue.target is not None
    assert dialogue.target.id == "10"
    assert dialogue.target_turn() is None


def test_films_without_a_name_are_counted(load: Any) -> None:
    loaded = load(record((HELPER, "Try @14 or @99"), (SEEKER, "no")))
    assert loaded.dialogues[0].turns[0].text == "Try a film or a film"
    assert loaded.preprocessing.repairs["film without a name: written as 'a film'"] == 2


def test_every_row_and_message_is_accounted_for(load: Any) -> None:
    loaded = load(USUAL, record((SEEKER, "  ")), USUAL)
    report = loaded.preprocessing
    assert report.rows == 3
    assert report.kept == len(loaded.dialogues) == 2
    assert report.dropped == {"no message with text": 1}
    assert report.turns_dropped == {"message without text": 1}
    assert report.repairs["messages joined to the one before by the same speaker"] == 2
    assert [dialogue.id for dialogue in loaded.dialogues] == ["1", "1~2"]
    assert loaded.dialogues[0].target is loaded.dialogues[1].target


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"conversationId": "2", "mess', r"Line 2 of .*jsonl is no valid JSON"),
        ("[]", r"Line 2 of .* is a list, where a JSON object is needed"),
        ('{"conversationId": "2"}', r"Line 2 of .* has no 'messages'"),
        (json.dumps({**USUAL, "messages": "hi"}), r"'messages' in line 2 of .* is a str, where a list is needed"),
        (json.dumps({**USUAL, "messages": [{"text": "hi"}]}), r"A message in line 2 of .* has no 'senderWorkerId'"),
        (json.dumps({**USUAL, "initiatorQuestions": [1]}), r"'initiatorQuestions' in line 2 .* object by film id"),
        (json.dumps({**USUAL, "initiatorQuestions": {"1": []}}), r"answers about film 1 in line 2 .* object is needed"),
        (
            json.dumps({**USUAL, "initiatorQuestions": {"1": {"suggested": "1"}}}),
            r"'suggested' of film 1 in line 2 of .* is '1', where 0, 1 or 2 is needed",
        ),
        (json.dumps({**USUAL, "movieMentions": {"1": 1995}}), r"name of film 1 in line 2 of .* is a int"),
        ("[" * 100_000, r"no JSON that can be read from line 2 on"),
        ('{"n": ' + "9" * 5000 + "}", r"no JSON that can be read from line 2 on"),
        (json.dumps({str(n): 0 for n in range(10_000)}), r"^Line 2 of .{,200} has no 'messages': it holds .{,220}$"),
    ],
)
def test_broken_rows_are_named(load: Any, line: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        load(USUAL, line)
    assert "\n" not in str(raised.value)


def test_a_film_whose_name_is_blank_has_none(load: Any) -> None:
    names = dict.fromkeys(USUAL["movieMentions"], "  ")
    found = load({**USUAL, "movieMentions": names})
    assert found.preprocessing.repairs["film without a name: written as 'a film'"]


def test_ids_may_be_numbers_or_texts(load: Any) -> None:
    assert load({**USUAL, "initiatorWorkerId": str(USUAL["initiatorWorkerId"])}).dialogues == load(USUAL).dialogues


def test_half_a_character_is_an_error_that_names_the_dialogue(load: Any) -> None:
    broken = {**USUAL, "conversationId": "7", "messages": [{**USUAL["messages"][0], "text": "\ud800"}]}
    with pytest.raises(DataError, match=r"dialogue '7' of redial holds half a character"):
        _ = load(broken).fingerprint


def test_files_that_are_no_text_say_so(tmp_path: Path) -> None:
    loader = DATASETS.find("redial").loader
    path = tmp_path / "test_data.jsonl"
    path.write_bytes(gzip.compress(json.dumps(USUAL).encode()))
    with pytest.raises(DataError, match="compressed: unpack it"):
        loader(Source(str(path)))
    path.write_bytes(json.dumps(USUAL).encode() + b"\n" + b'{"caf\xe9": 1}')
    with pytest.raises(DataError, match=r"Line 2 of .* is not UTF-8"):
        loader(Source(str(path)))
    with pytest.raises(DataError, match="neither a file nor a folder"):
        loader(Source("/dev/null"))


def test_missing_empty_and_unknown(load: Any, tmp_path: Path) -> None:
    loader = DATASETS.find("redial").loader
    with pytest.raises(DataError, match="holds no dialogue"):
        load("")
    with pytest.raises(DataError, match="give its file, or a folder"):
        loader(Source())
    with pytest.raises(DataError, match=r"There is no .*nowhere"):
        loader(Source(str(tmp_path / "nowhere")))
    with pytest.raises(DataError, match=r"has no valid_data\.jsonl"):
        loader(Source(str(tmp_path), "valid"))
    with pytest.raises(DataError, match=r"no split 'tset'\. Choose one of: train, valid, test"):
        loader(Source(str(tmp_path), "tset"))


@pytest.mark.parametrize(
    ("split", "dialogues", "without_target", "never_proposed", "replayable", "accept_first"),
    [("test", 125, 9, 1, 115, 25), ("train", 582, 37, 6, 539, 74)],
)
@pytest.mark.slow
def test_golden_numbers(
    data: Path,
    split: str,
    dialogues: int,
    without_target: int,
    never_proposed: int,
    replayable: int,
    accept_first: int,
) -> None:
    loaded = DATASETS.find("redial").loader(Source(str(data / "redial"), split)).dialogues
    proposed = [each for each in loaded if each.target_turn() is not None]
    assert len(loaded) == dialogues
    assert sum(each.target is None for each in loaded) == without_target
    assert len(proposed) == replayable
    assert len(loaded) - len(proposed) - without_target == never_proposed
    assert sum(each.target_turn() == next(each.proposals()) for each in proposed) == accept_first


@pytest.mark.slow
def test_no_persona_names_its_target(data: Path) -> None:
    loaded = DATASETS.find("redial").loader(Source(str(data / "redial"), "train")).dialogues
    for dialogue in loaded:
        persona = dialogue.persona
        texts = (persona.general_preferences, persona.target_attributes, *(seen.review for seen in persona.history))
        assert dialogue.target is None or not any(leak(dialogue.target, text) for text in texts)
        assert dialogue.target not in [seen.item for seen in persona.history]


@pytest.mark.slow
def test_many_dialogues_share_their_items(data: Path, tmp_path: Path) -> None:
    (tmp_path / "id2info.json").write_bytes((data / "redial" / "id2info.json").read_bytes())
    (tmp_path / "test_data.jsonl").write_bytes((data / "redial" / "test_data.jsonl").read_bytes() * 4)
    loaded = DATASETS.find("redial").loader(Source(str(tmp_path)))
    assert len(loaded.dialogues) == 500
    assert len(loaded.items) < 1000


@pytest.mark.parametrize("ids", [("x", "x", "x~2"), ("x~2", "x", "x"), ("x", "x~2", "x", "x", "x~2"), ("x", "x", "x")])
def test_ids_stay_apart_after_renaming(load: Any, ids: tuple[str, ...]) -> None:
    loaded = load(*({**USUAL, "conversationId": name} for name in ids))
    assert len({dialogue.id for dialogue in loaded.dialogues}) == len(ids)
