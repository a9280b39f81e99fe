from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.audits.label_audit import audit_labels
from interplay_bench.datasets import inspired
from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.dialogues.dialogue import Action, Role
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment.errors import DataError

COLUMNS = ("dialog_id", "speaker", "text", "movies", "genres", "expert_label", "second_label", "fine_label")
ROWS = [
    ("a", "RECOMMENDER", "Hello", "", "", "no_strategy", "", "accept_rating_good"),
    ("a", "SEEKER", "Mine is drama.", "Mine (2016)", "drama", "", "", "accept_rating_good"),
    ("a", "SEEKER", "I liked Heat", "Heat (1995)", "", "", "", "nan"),
    ("a", "RECOMMENDER", "What else?", "", "", "opinion_inquiry", "", "accept_rating_good"),
    ("a", "SEEKER", "That's it", "", "", "", "", "accept_rating_good"),
    (
        "a",
        "RECOMMENDER",
        "Try QUOTATION_MARKRoninQUOTATION_MARK, if you liked heat!",
        "Ronin (1998); Heat (1995)",
        "",
        "encouragement",
        "credibility",
        "accept_rating_good",
    ),
    ("a", "SEEKER", "I accept that", "", "", "", "", "accept_rating_good"),
    ("b", "RECOMMENDER", "See Lost Highway", "Lost Highway (1997)", "", "encouragement", "", "reject"),
    ("b", "SEEKER", "Not for me", "", "", "", "", "reject"),
]


def tsv(rows: Sequence[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> str:
    return "\n".join("\t".join(row) for row in [columns, *rows]) + "\n"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def write_and_load(text: str) -> DialogueSet:
        path = tmp_path / "dev.tsv"
        path.write_text(text)
        return DATASETS.find("inspired").loader(Source(str(tmp_path), "valid"))

    return write_and_load


def test_dialogues(load: Any) -> None:
    accepted, rejected = load(tsv(ROWS)).dialogues
    assert [(turn.role, turn.action, turn.text) for turn in accepted.turns] == [
        (Role.RECOMMENDER, Action.GREETING, "Hello"),
        (Role.USER, Action.DISCLOSE_GOAL, "Mine is drama. I liked Heat"),
        (Role.RECOMMENDER, Action.INQUIRE, "What else?"),
        (Role.USER, Action.DISCLOSE_GOAL, "That's it"),
        (Role.RECOMMENDER, Action.RECOMMEND, 'Try "Ronin", if you liked heat!'),
        (Role.USER, Action.ACCEPT, "I accept that"),
    ]
    assert [item.name for item in accepted.turns[1].items] == ["Heat (1995)"]
    assert [item.name for item in accepted.turns[4].recommended] == ["Ronin (1998)"]
    assert accepted.target is not None
    assert accepted.target.name == "Ronin (1998)"
    assert accepted.persona.general_preferences == "Speaks of drama films."
    assert (accepted.outcome, rejected.outcome) == ("accept_rating_good", "reject")
    assert rejected.target is None
    assert [item.name for item in rejected.turns[0].recommended] == ["Lost Highway (1997)"]


def test_the_report(load: Any) -> None:
    report = load(tsv([*ROWS, ("c", "SEEKER", " ", "", "", "", "", "reject")])).preprocessing
    assert (report.rows, report.kept) == (3, 2)
    assert report.dropped == {"no utterance with text": 1}
    assert report.repairs == {
        "utterances joined to the one before by the same speaker": 1,
        "film of the movies column whose title is not in the text: left out": 2,
        "outcome missing from a row: taken from the dialogue's others": 1,
    }


def test_the_columns_may_have_the_names_of_the_description(load: Any) -> None:
    text = tsv(ROWS).replace("expert_label", "first_label", 1).replace("fine_label", "case", 1)
    assert [dialogue.outcome for dialogue in load(text).dialogues] == ["accept_rating_good", "reject"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (tsv(ROWS).replace("fine_label", "outcome", 1), "has no column 'fine_label' or 'case': it has dialog_id"),
        (tsv(ROWS).replace("movies", "films", 1), "has no column 'movies'"),
        (tsv(ROWS) + "a\tSEEKER\n", "Line 11 of .* has 2 columns where the header has 8"),
        (tsv(ROWS) + "\t".join("abcdefghi") + "\n", "Line 11 of .* has 9 columns where the header has 8"),
        (tsv(ROWS).replace("SEEKER", "USER", 1), "The speaker in line 3 of .* is 'USER'"),
        (tsv(ROWS).replace("SEEKER", "x" * 1000, 1), "The speaker in line 3 of .{,200} is '.{,220}', where"),
        (tsv(ROWS) + "x" * 200_000, "cannot be read after line 10 "),
        (tsv([]), "holds no dialogue"),
        ("", "has no column 'dialog_id': it has no header at all"),
    ],
)
def test_broken_files(load: Any, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        load(text)
    assert "\n" not in str(raised.value)


def test_missing_and_unknown(tmp_path: Path) -> None:
    loader = DATASETS.find("inspired").loader
    with pytest.raises(DataError, match=r"has no train\.tsv"):
        loader(Source(str(tmp_path), "train"))
    with pytest.raises(DataError, match="no split 'x'"):
        loader(Source(str(tmp_path), "x"))


def test_the_release(data: Path) -> None:
    source = Source(str(data / "inspired"), "dev")
    annotated = inspired.read(source)
    dialogues = annotated.dialogues.dialogues
    assert Counter(dialogue.outcome for dialogue in dialogues) == {
        "accept_rating_good": 46,
        "accept_others": 35,
        "accept_uninterested": 13,
        "accept_rating_mod": 4,
        "reject": 1,
    }
    assert all(len(annotated.strategies[each.id]) == len(each.turns) for each in dialogues)


def test_the_rules_agree_with_the_annotators(data: Path) -> None:
    rows = {row.label: row for row in audit_labels("inspired", Source(str(data / "inspired"), "dev"))}
    inquire, recommend, accept = rows["inquire"], rows["recommend"], rows["accept"]
    assert (inquire.precision or 0) > 0.92
    assert (inquire.recall or 0) > 0.92
    assert (recommend.precision or 0) > 0.8
    assert (recommend.recall or 0) > 0.8
    assert (accept.recall or 0) > 0.75
    assert (accept.support, accept.total) == (98, 99)


@pytest.mark.slow
def test_acceptances_are_about_films_that_the_seekers_liked(data: Path) -> None:
    turns, whole = audit_labels("redial", Source(str(data / "redial"), "train"))
    for row in (turns, whole):
        assert (row.precision or 0) > (row.prevalence or 1)
