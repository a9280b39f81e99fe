from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.datasets.pearl import SEEDS
from interplay_bench.dialogues.dialogue import Action, Item, Role
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment import hub
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_leak import leak
from tests.growth import grows_at_most

PERSONA = (
    "[Like] The heist is tense. The city glows.\n[Dislike] It is long.\n\n"
    "[Like]\n- great chases\n- Heat-like duels\n[Dislike]\n- none\n\n[Like] A quiet killer. [Dislike] The ending."
)
RECORD: dict[str, Any] = {
    "data_id": 5,
    "user_id": "u1",
    "user_persona": PERSONA,
    "seen_movie_titles": ["Thief  (1981)", "Ronin (1998)", "Collateral (2004)"],
    "gt_movie_title": "Heat  (1995)",
    "gt_genre": "Crime, Drama",
    "gt_director": "Michael Mann",
    "gt_cast": "Al Pacino, Robert De Niro",
    "gt_abstract": "Title: Heat (1995)\nGenre: Crime\nDirector: Michael Mann\nCast: Al Pacino\n"
    "Review: [Like] The duel in Heat (1995) is tense. [Dislike] It is long.",
    "dialogue": [
        f"Seeker: {SEEDS[0]}",
        f"Recommender: {SEEDS[1]}",
        "Seeker: I like tense crime films.",
        "Recommender: ",
        'Recommender: I suggest "Ronin" (1998). It has chases.',
        "Seeker: Thanks for the suggestion! I'll keep it in mind, but I want a duel.",
        "Recommender: Then try “Heat (1995)”.",
        "Seeker: That sounds perfect, I'll watch it! [EOD]",
        "Recommender: Enjoy!",
        "Seeker: Thanks!",
    ],
}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def write_and_load(*records: Any, catalog: Any = None) -> DialogueSet:
        (tmp_path / "test.json").write_text(json.dumps(records))
        if catalog is not None:
            (tmp_path / "catalog.json").write_text(json.dumps(catalog))
        return DATASETS.find("pearl").loader(Source(str(tmp_path)))

    return write_and_load


def changed(**changes: Any) -> dict[str, Any]:
    return {**RECORD, **changes}


def said(*utterances: str, **changes: Any) -> dict[str, Any]:
    return changed(dialogue=[*RECORD["dialogue"][:2], *utterances], **changes)


def test_a_dialogue(load: Any) -> None:
    loaded = load(RECORD)
    (dialogue,) = loaded.dialogues
    assert (dialogue.id, dialogue.user_id) == ("5", "u1")
    assert dialogue.target == Item("Heat (1995)", "Heat", 1995)
    assert dialogue.target.attributes == {
        "genre": ("Crime", "Drama"),
        "director": ("Michael Mann",),
        "cast": ("Al Pacino", "Robert De Niro"),
    }
    assert [(turn.role, turn.action, turn.scripted) for turn in dialogue.turns] == [
        (Role.USER, Action.DISCLOSE_GOAL, True),
        (Role.RECOMMENDER, Action.INQUIRE, True),
        (Role.USER, Action.DISCLOSE_GOAL, False),
        (Role.RECOMMENDER, Action.RECOMMEND, False),
        (Role.USER, Action.FEEDBACK, False),
        (Role.RECOMMENDER, Action.RECOMMEND, False),
        (Role.USER, Action.ACCEPT, False),
    ]
    assert [[item.name for item in turn.recommended] for turn in dialogue.turns[3:6:2]] == [
        ["Ronin (1998)"],
        ["Heat (1995)"],
    ]
    assert dialogue.turns[-1].text == "That sounds perfect, I'll watch it!"


def test_the_persona(load: Any) -> None:
    persona = load(RECORD).dialogues[0].persona
    assert persona.general_preferences == (
        "Likes: The heist is tense; Heat-like duels; A quiet killer. Dislikes: It is long; none; The ending."
    )
    assert [seen.item.name for seen in persona.history] == ["Thief (1981)", "Ronin (1998)", "Collateral (2004)"]
    assert persona.history[0].review == "Likes: The heist is tense. The city glows. Dislikes: It is long."


def test_a_review_may_hold_dislikes_alone_or_blank_lines(load: Any) -> None:
    alone = PERSONA.replace("[Like] A quiet killer. ", "")
    blank = PERSONA.replace("tense. The", "tense.\n\nThe").replace("\n[Dislike]", "\n\n[Dislike]")
    for text in (alone, blank):
        history = load(changed(user_persona=text)).dialogues[0].persona.history
        assert [seen.item.name for seen in history] == ["Thief (1981)", "Ronin (1998)", "Collateral (2004)"]
        assert history[-1].review.endswith("Dislikes: The ending.")


def test_attributes_come_from_the_review_alone_and_name_no_title(load: Any) -> None:
    assert load(RECORD).dialogues[0].persona.target_attributes == "Likes: The duel in … is tense. Dislikes: It is long."


def test_the_report_counts_what_was_left_out(load: Any) -> None:
    report = load(RECORD).preprocessing
    assert report.rows == report.kept == 1
    assert report.turns_dropped == {"empty": 1, "after the end of the dialogue": 2}
    assert report.repairs == {"[EOD] removed": 1, "run-on after the end trimmed": 1}


def test_only_three_fields_are_needed(load: Any) -> None:
    loaded = load({key: RECORD[key] for key in ("dialogue", "user_persona", "gt_movie_title")})
    (dialogue,) = loaded.dialogues
    assert (dialogue.id, dialogue.user_id) == ("test-1", "")
    assert dialogue.persona.target_attributes == ""
    assert [seen.item.title for seen in dialogue.persona.history] == ["Seen film 1", "Seen film 2", "Seen film 3"]
    assert loaded.preprocessing.repairs["no review of the target: no target attributes"] == 1


@pytest.mark.parametrize(
    "title",
    [
        '"Ronin (1998)"',
        "“Ronin (1998)”",
        '"Ronin"',
        "“Ronin,”",
        '"Ronin" (1998)',
        "Ronin (1998)",
        "'Ronin'",
        "the film Ronin",
    ],
)
def test_titles_are_found_however_they_are_quoted(load: Any, title: str) -> None:
    (dialogue,) = load(said("Seeker: Hm.", f"Recommender: You might like {title}.", "Seeker: No.")).dialogues
    assert [item.name for item in dialogue.turns[3].recommended] == ["Ronin (1998)"]
    (mention,) = dialogue.turns[3].mentions
    assert dialogue.turns[3].text[mention.start : mention.end] in {"Ronin", "Ronin (1998)"}


@pytest.mark.parametrize("title", ['"Le Samouraï (1967)"', "“Le Samouraï (1967)”", '"Le Samouraï" (1967)'])
def test_an_open_catalogue_takes_in_titles_by_their_form(load: Any, title: str) -> None:
    loaded = load(said("Seeker: Hm.", f"Recommender: Try {title}, or so.", "Seeker: No."))
    turn = loaded.dialogues[0].turns[3]
    assert turn.recommended == (Item("Le Samouraï (1967)", "Le Samouraï", 1967),)
    assert turn.text[turn.mentions[0].start : turn.mentions[0].end] in {"Le Samouraï", "Le Samouraï (1967)"}
    assert turn.recommended[0] in loaded.items


@pytest.mark.parametrize("wrap", [list, lambda titles: {"movies": titles}])
def test_a_closed_catalogue_drops_dialogues_about_other_items(load: Any, wrap: Any) -> None:
    titles = ["Heat (1995)", {"title": "Ronin", "year": 1998}]
    outside = said("Seeker: Hm.", 'Recommender: Try "Le Samouraï (1967)".', "Seeker: No.")
    loaded = load(RECORD, outside, changed(gt_movie_title="Thief (1981)"), catalog=wrap(titles))
    assert len(loaded.dialogues) == 1
    assert loaded.preprocessing.dropped == {"item outside the catalogue": 2}
    assert [item.name for item in loaded.items] == ["Heat (1995)", "Ronin (1998)"]


def test_turns_of_one_speaker_are_joined(load: Any) -> None:
    loaded = load(said("Seeker: One.", "Seeker: Two.", 'Recommender: "Ronin"?', "Seeker: No."))
    assert [turn.text for turn in loaded.dialogues[0].turns[2:]] == ["One. Two.", '"Ronin"?', "No."]
    assert loaded.preprocessing.repairs["utterances in a row by one speaker joined"] == 1


def test_what_follows_the_acceptance_is_trimmed(load: Any) -> None:
    loaded = load(
        said(
            'Seeker: Hm.", I said.',
            'Recommender: "Heat"?',
            "Seeker: Who is in it?",
            "Recommender: Al Pacino.",
            "Seeker: I'll watch it!",
            "Recommender: Enjoy.",
            "Seeker: Bye",
        )
    )
    assert [str(turn.action) for turn in loaded.dialogues[0].turns[3:]] == ["recommend", "feedback", "chat", "accept"]
    assert loaded.preprocessing.turns_dropped["after the end of the dialogue"] == 2


def test_the_last_answer_to_the_target_accepts_unless_it_refuses(load: Any) -> None:
    first, second = load(
        said("Seeker: Hm.", 'Recommender: "Heat"?', "Seeker: Lovely."),
        said("Seeker: Hm.", 'Recommender: "Heat"?', "Seeker: Not for me.", data_id=6),
    ).dialogues
    assert first.turns[-1].action is Action.ACCEPT
    assert second.turns[-1].action is Action.FEEDBACK


def test_rows_without_a_dialogue_or_target_are_dropped_and_counted(load: Any) -> None:
    report = load(said(), changed(gt_movie_title=" "), RECORD).preprocessing
    assert report.dropped == {"no utterance but the seeds": 1, "no target title": 1}
    assert (report.rows, report.kept) == (3, 1)


def test_json_lines_and_single_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in (RECORD, RECORD)))
    assert len(DATASETS.find("pearl").loader(Source(str(path))).dialogues) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"dialogue": []}, {"dial', r"Line 1 of .* is no valid JSON"),
        ('{"dialogue": []', r"Line 1 of .* is no valid JSON"),
        (json.dumps(RECORD) + '\n{"dial', r"Line 2 of .* is no valid JSON"),
        ("[3]", r"Record 1 of .* is a int, where a JSON object is needed"),
        (json.dumps([{"user_persona": ""}]), r"Record 1 of .* has no 'gt_movie_title'"),
        (json.dumps([changed(dialogue="Seeker: hi")]), r"'dialogue' in record 1 of .* is a str"),
        (json.dumps([changed(seen_movie_titles="Heat")]), r"'seen_movie_titles' in record 1 of .* is a str"),
        (json.dumps([changed(dialogue=[3])]), r"An utterance in record 1 of .* is a int"),
        ("[]", "holds no dialogue"),
        ("", "holds no dialogue"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(DataError, match=says) as raised:
        DATASETS.find("pearl").loader(Source(str(tmp_path)))
    assert "\n" not in str(raised.value)


def test_broken_catalogue(load: Any) -> None:
    with pytest.raises(DataError, match=r"holds 3, which is neither a title"):
        load(RECORD, catalog=[3])
    with pytest.raises(DataError, match=r"neither a list of titles nor"):
        load(RECORD, catalog={"films": []})


def test_missing_and_unknown(tmp_path: Path) -> None:
    loader = DATASETS.find("pearl").loader
    with pytest.raises(DataError, match=r"has no test\.json or test\.jsonl"):
        loader(Source(str(tmp_path)))
    with pytest.raises(DataError, match="no split 'all'"):
        loader(Source(str(tmp_path), "all"))


def test_the_hub_is_asked_by_id_and_its_absence_names_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked = []

    def load_dataset(name: str) -> dict[str, list[dict[str, Any]]]:
        asked.append(name)
        if name == "some/where":
            raise ConnectionError
        return {"validation": [RECORD]}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(hub, "answers", lambda url: "no/such" not in url)
    loader = DATASETS.find("pearl").loader
    assert len(loader(Source(None, "valid")).dialogues) == 1
    with pytest.raises(DataError, match=r"some/where could not be fetched from the hub \(ConnectionError\)\. Download"):
        loader(Source("some/where"))
    with pytest.raises(DataError, match=r"no/such could not be fetched from the hub \(it does not have it.*Download"):
        loader(Source("no/such"))
    with pytest.raises(DataError, match="has no split 'test' on the hub: it has validation"):
        loader(Source("another/place"))
    assert asked == ["LangAGI-Lab/pearl", "some/where", "another/place"]


def test_the_sample_is_shipped_and_takes_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="takes no --data"):
        DATASETS.find("sample").loader(Source(str(tmp_path)))
    with pytest.raises(DataError, match="no split 'x'"):
        DATASETS.find("sample").loader(Source(None, "x"))


@pytest.mark.parametrize(("split", "least"), [("train", 400), ("valid", 1), ("test", 60)])
def test_the_sample(split: str, least: int) -> None:
    loaded = DATASETS.find("sample").loader(Source(None, split))
    assert loaded.synthetic
    assert len(loaded.dialogues) == loaded.preprocessing.kept >= least
    assert all(item.attributes["genre"] and item.year for item in loaded.items)
    assert len({dialogue.id for dialogue in loaded.dialogues}) == len(loaded.dialogues)
    for dialogue in loaded.dialogues:
        assert dialogue.target is not None
        assert dialogue.target_turn() is not None
        assert [turn.scripted for turn in dialogue.turns[:3]] == [True, True, False]
        assert [index for index, turn in enumerate(dialogue.turns) if turn.action is Action.ACCEPT] == [
            len(dialogue.turns) - 1
        ]
        persona = dialogue.persona
        assert len(persona.history) == len({seen.item.name for seen in persona.history})
        texts = (persona.general_preferences, persona.target_attributes, *(seen.review for seen in persona.history))
        assert not any(leak(dialogue.target, text) for text in texts)


@pytest.mark.parametrize(
    "mark", ["[EOD]", "Seeker: [EOD]", "Recommender: [EOD]", "Seeker: [eod]", "[ EOD ].", "Seeker: [EOD]."]
)
def test_a_mark_of_the_end_alone_ends_the_dialogue(load: Any, mark: str) -> None:
    before = ("Seeker: Hm.", 'Recommender: "Ronin"?', "Seeker: Who is in it?", 'Recommender: Try "Thief".')
    loaded = load(said(*before, mark, 'Recommender: And "Heat (1995)"!', "Seeker: I'll watch it!"))
    (dialogue,) = loaded.dialogues
    assert [turn.text for turn in dialogue.turns[3:]] == ['"Ronin"?', "Who is in it?", 'Try "Thief".']
    assert dialogue.target_turn() is None
    assert loaded.preprocessing.turns_dropped["after the end of the dialogue"] == 2


@pytest.mark.parametrize("filler", ["\n", "\n ", " ", "[Like] ", "\n- ", "[", "Review :\n"])
def test_long_personas_take_no_time_by_the_square(load: Any, filler: str) -> None:
    def read(length: int) -> None:
        long = filler * (length // len(filler)) + "end"
        load(changed(user_persona=long, gt_abstract=long))

    assert grows_at_most(8, read, 25_000)


@pytest.mark.parametrize("title", ["Up (2009)", '"Up (2009)"', '"Up" (2009)', '"Wall-E"', "Heat Wave (1990)"])
def test_a_title_in_its_own_shape_that_nobody_knows_is_a_proposal(load: Any, title: str) -> None:
    loaded = load(
        said(
            "Seeker: Hm.",
            f"Recommender: You could watch {title}.",
            "Seeker: What else?",
            'Recommender: Try "Heat (1995)".',
            "Seeker: I'll watch it!",
        )
    )
    (dialogue,) = loaded.dialogues
    assert list(dialogue.proposals()) == [3, 5]
    assert dialogue.target_turn() == 5
    assert dialogue.turns[3].recommended[0] != dialogue.target
    assert dialogue.turns[3].recommended[0] in loaded.items
    assert loaded.preprocessing.repairs["unknown item: named, but not in the catalogue"] == 1
