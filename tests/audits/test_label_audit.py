"""The rules' labels against people's, in the data sets that are read for their labels alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.audits.label_audit import audit_labels
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.environment.errors import DataError, UsageError


def test_iard_counts_what_people_said(tmp_path: Path) -> None:
    def said(role: str, text: str, *intents: str) -> dict[str, object]:
        return {
            "role": role,
            "utterance_text": text,
            "top-level intent/action": list(intents[:1]),
            "sub-intent/action": list(intents[1:]),
        }

    dialogue = [
        said("seeker", "Hi"),
        said("recommender", "What do you like?", "Request", "REQ"),
        said("seeker", "Action"),
        said("recommender", "@1 <Heat  (1995)>  ?", "Recommend", "REC-S"),
        said("seeker", "Not my thing", "GiveFeedback", "REJ"),
        said("recommender", "Or @2 <Ronin (1998)>", "Recommend", "REC-S"),
        said("seeker", "I'll watch @2 <Ronin (1998)> tonight", "GiveFeedback", "ACC"),
    ]
    (tmp_path / "iard.json").write_text(json.dumps({"7": {"dialogue_info": dict(enumerate(dialogue))}}))
    rows = {row.label: row for row in audit_labels("iard", Source(str(tmp_path)))}
    counts = {name: (row.hits, row.predicted, row.support, row.total) for name, row in rows.items()}
    assert counts == {
        "accept (movie)": (1, 1, 1, 2),
        "reject (movie)": (1, 1, 1, 2),
        "accept (all)": (1, 1, 1, 2),
        "reject (all)": (1, 1, 1, 2),
        "inquire": (1, 1, 1, 1),
        "recommend": (2, 2, 2, 3),
    }
    (precision, _) = rows["recommend"].intervals
    assert precision == pytest.approx((0.342, 1), abs=0.001)


def test_mg_shopdial_counts_what_most_annotators_said(tmp_path: Path) -> None:
    utterances = [
        ("Wizard", "I can offer the blue tent", [["recommend", 4.0]]),
        ("Wizard", "It is light", [["explain", 3.0]]),
        ("Client", "I will take it", [["pf", 5.0], ["greeting", 2.0]]),
        ("Client", "Bye", [["pf", 3.0]]),
    ]
    rows = [{"participant": who, "utterance": text, "intents": intents} for who, text, intents in utterances]
    (tmp_path / "MGShopDial.json").write_text(json.dumps([{"id": "Sports:1", "utterances": rows}]))
    accept, reject, *_ = audit_labels("mg-shopdial", Source(str(tmp_path)))
    assert (accept.label, accept.hits, accept.predicted, accept.support, accept.total) == (
        "accept (sports)",
        1,
        1,
        1,
        1,
    )
    assert (reject.support, reject.predicted) == (0, 0)


def test_people_and_rules_on_iard(data: Path) -> None:
    rows = {row.label: row for row in audit_labels("iard", Source(str(data / "iard")))}
    assert (rows["accept (movie)"].precision or 0) > 0.85
    assert (rows["inquire"].precision or 0) > 0.9
    assert (rows["recommend"].recall or 0) > 0.97


@pytest.mark.parametrize("content", ["[]", '{"1": 2}', '{"1": {"dialogue_info": {"S1": {"role": "bot"}}}}'])
def test_a_file_that_is_none_is_one_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "iard.json").write_text(content)
    with pytest.raises(DataError) as error:
        audit_labels("iard", Source(str(tmp_path)))
    assert "\n" not in str(error.value)


def test_other_data_sets_have_no_labels() -> None:
    with pytest.raises(UsageError, match="Available: iard, inspired, mg-shopdial, redial, sgd"):
        audit_labels("sample", Source())
