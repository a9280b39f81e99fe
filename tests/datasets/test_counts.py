"""Counts of each loader against counts made from the raw files by other, shorter code."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.audits.data_report import data_counts
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.items.title_leak import leak

pytestmark = pytest.mark.slow

LOADED = (
    ("sgd", "sgd-offers", "dev"),
    ("recquest", "recquest", "test"),
    ("cpcd", "cpcd", "valid"),
    ("opendialkg", "opendialkg", "valid"),
    ("laps", "laps", "valid"),
    ("laps", "laps/movie_dataset_val.json", "valid"),
)


def folder(data: Path, name: str) -> Path:
    if not (data / name).exists():
        pytest.skip(f"the real data set {name} is absent")
    return data / name


def lines(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    yield from map(json.loads, (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines())


@pytest.mark.slow
def test_sgd(data: Path) -> None:
    place = folder(data, "sgd-offers")
    for split in ("train", "dev", "test"):
        raw = Counter[str]()
        for row in lines(place / f"{split}.jsonl.gz"):
            raw["dialogues"] += 1
            raw["turns"] += len(row["turns"])
            raw.update(offer["label"] for offer in row["offers"])
        loaded = load_dataset("sgd", str(place), split)
        counts = data_counts(loaded)
        assert (counts["dialogues"], counts["turns"]) == (raw["dialogues"], raw["turns"])
        assert (counts["accepted"], counts["rejected"]) == (raw["accept"], raw["reject"])
        assert not loaded.preprocessing.dropped


def test_recquest(data: Path) -> None:
    place = folder(data, "recquest")
    rows = list(lines(place / "dialogues.jsonl"))
    counts = data_counts(load_dataset("recquest", str(place)))
    assert counts["dialogues"] == len(rows)
    assert counts["items proposed"] == sum(len(row.get("recommendations", [])) for row in rows)
    assert counts["dialogues with a target"] == sum("target" in row for row in rows)
    hits = sum("target" in row and row["target"]["id"] in row["recommendations"] for row in rows)
    assert counts["dialogues that propose their target"] == hits
    titles = dict(found for row in reversed(rows) for found in reversed(_titles(row)))
    for path in place.glob("tasks_*.json"):
        titles |= {task["target"]["asin"]: task["target"]["title"] for task in json.loads(path.read_text())}
    assert counts["accepted"] == sum(
        _confirmed(row) in [" ".join(titles.get(asin, "").split()) for asin in row.get("recommendations", [])]
        for row in rows
    )


def _titles(row: dict[str, Any]) -> list[tuple[str, str]]:
    """What the session's system messages call the products."""
    said = "\n\n".join(message["content"] for message in row["messages"] if message["role"] == "system")
    found = re.findall(r"Selected item for recommendation: (.*?) \(ID: (\w+)\)", said, re.DOTALL)
    return [(asin, title) for title, asin in found]


def _confirmed(row: dict[str, Any]) -> str:
    """The title of what is selected and confirmed last."""
    spoken = [message for message in row["messages"] if message["content"].strip() and message["role"] != "system"]
    clicks = [click["content"] for click, answer in pairwise(spoken) if _confirms(click, answer)]
    return " ".join(clicks[-1].split("**")[1].split()) if clicks else "nothing"


def _confirms(click: dict[str, str], answer: dict[str, str]) -> bool:
    return click["content"].startswith("Great! You've selected") and answer["content"].lower().startswith("yes")


def test_cpcd(data: Path) -> None:
    place = folder(data, "cpcd")
    rows = list(lines(place / "dialogs.jsonl"))
    liked = [{track for turn in row["turns"] for track in turn["liked_results"]} for row in rows]
    disliked = [{track for turn in row["turns"] for track in turn["disliked_results"]} for row in rows]
    counts = data_counts(load_dataset("cpcd", str(place), "valid"))
    assert (counts["dialogues"], counts["turns"]) == (len(rows), 2 * sum(len(row["turns"]) for row in rows))
    assert (counts["items liked"], counts["items disliked"]) == (sum(map(len, liked)), sum(map(len, disliked)))
    assert counts["items proposed"] == counts["items liked"] + counts["items disliked"]


@pytest.mark.parametrize(("name", "split"), [("opendialkg", "valid"), ("opendialkg-train", "train")])
def test_opendialkg(data: Path, name: str, split: str) -> None:
    place = folder(data, name)
    rows = list(lines(place / f"{split}_data_processed.jsonl"))
    longest = Counter[int]()
    for row in rows:
        longest[row["dialog_id"]] = max(longest[row["dialog_id"]], len(row["context"]) + 1)
    loaded = load_dataset("opendialkg", str(place), split)
    counts = data_counts(loaded)
    assert (counts["dialogues"], counts["turns"]) == (len(longest), longest.total())
    repeated = loaded.preprocessing.repairs["recommendation of what was named before: no proposal"]
    assert counts["items proposed"] + repeated == sum(len(set(row["rec"])) for row in rows)


@pytest.mark.parametrize("topic", ["recipe", "movie"])
def test_laps(data: Path, topic: str) -> None:
    file = folder(data, "laps") / f"{topic}_dataset_train.json"
    sessions = [session for worker in json.loads(file.read_text()) for session in worker["sessions"]]
    counts = data_counts(load_dataset("laps", str(file), "train"))
    assert counts["dialogues"] == len(sessions)
    runs = 0
    for session in sessions:
        roles = [message["role"] for message in session["dialogue"] if message["message"].strip()]
        runs += sum(before != role for before, role in zip([None, *roles], roles, strict=False))
    assert counts["turns"] == runs


@pytest.mark.parametrize("part", ["redial", "redial-more"])
def test_redial(data: Path, part: str) -> None:
    place = folder(data, part)
    raw = Counter[str]()
    for row in lines(place / "test_data.jsonl"):
        asked, named, target = row["initiatorQuestions"] or {}, set[str](), False
        raw["dialogues"] += 1
        spoken = [message for message in row["messages"] if message["text"].strip()]
        for who, run in groupby(spoken, key=lambda message: message["senderWorkerId"]):
            raw["turns"] += 1
            films = re.findall(r"@(\d+)", " ".join(message["text"] for message in run))
            new = [film for film in dict.fromkeys(films) if film not in named]
            named.update(new)
            new = [film for film in new if asked.get(film, {}).get("suggested") == 1]
            if who != row["initiatorWorkerId"] and new:
                opinions = [asked[film].get("liked") for film in new]
                raw.update({"proposals": 1, "items proposed": len(new), "items liked": opinions.count(1)})
                raw["items disliked"] += opinions.count(0)
                target = target or 1 in opinions
        raw["dialogues that propose their target"] += target
        raw["dialogues with a target"] += any(a.get("suggested") == a.get("liked") == 1 for a in asked.values())
    counts = data_counts(load_dataset("redial", str(place)))
    assert {name: counts[name] for name in raw} == raw


@pytest.mark.slow
def test_redial_in_two_parts(data: Path) -> None:
    parts = [folder(data, "redial"), folder(data, "redial-more")]
    rows = [row for part in parts for row in lines(part / "test_data.jsonl")]
    loaded = load_dataset("redial", ",".join(map(str, parts)), "test")
    assert [dialogue.id for dialogue in loaded.dialogues] == [row["conversationId"] for row in rows]
    assert any(item.attributes for item in loaded.items)


@pytest.mark.parametrize(("name", "place", "split"), LOADED)
def test_no_persona_names_the_target(data: Path, name: str, place: str, split: str) -> None:
    loaded = load_dataset(name, str(folder(data, place)), split)
    assert not list(leaks(loaded))


def leaks(loaded: DialogueSet) -> Iterator[str]:
    for dialogue in loaded.dialogues:
        persona = dialogue.persona
        texts = [persona.general_preferences, persona.target_attributes, *(seen.review for seen in persona.history)]
        if dialogue.target is not None and any(leak(dialogue.target, text) for text in texts):
            yield dialogue.id
