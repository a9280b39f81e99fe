"""Plain data as CSV, a row per turn: rows of one dialogue share its ``id``, and stand in order.

Columns are the fields of :mod:`interplay_bench.datasets.plain.record`: ``id``, ``role`` and ``text``, and as far as
there are any ``user_id``, ``domain``, ``action``, ``items``, ``recommended``, ``accepted`` (yes or no), ``target``,
``outcome``, ``general_preferences``, ``history``, ``target_attributes``, ``liked``, ``disliked``. Several items are
separated by ``;``. What is about the whole dialogue need stand in one of its rows only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.plain import OPTIONS
from interplay_bench.datasets.plain.catalog_file import facet_values
from interplay_bench.datasets.plain.forms import SPEAKERS
from interplay_bench.datasets.plain.table_rows import csv_rows
from interplay_bench.datasets.reading import Row, locate, shortened
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment.errors import DataError

_NEEDED = ("id", "role", "text")
_WHOLE = ("user_id", "domain", "target", "outcome")
_PERSONA = ("general_preferences", "target_attributes")
_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataset("csv", options=OPTIONS)
def load(source: Source) -> DialogueSet:
    """Your own: a CSV file with a row per turn (--data FILE, or folder)."""
    from interplay_bench.datasets.plain.plain_set import plain_set  # brings pydantic, which `list` goes without

    path = locate("plain data", source, (f"{source.split}.csv",))
    return plain_set("csv", source, _records(path), path, path.parent)


def _records(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of each dialogue as one record."""
    records: dict[str, dict[str, Any]] = {}
    first: dict[str, int] = {}
    for number, row in csv_rows(path):
        where = f"line {number} of {path}"
        for column in _NEEDED:
            if column not in row:
                raise DataError(f"{path} has no column {column!r}: it has {shortened(', '.join(row))}.")
        if not row["id"].strip():
            raise DataError(f"Line {number} of {path}: id: it says no dialogue.")
        name = row["id"].strip()
        record = records.setdefault(name, {"id": name, "turns": []})
        first.setdefault(name, number)
        record["turns"].append(_turn(row, where))
        _add_whole(record, row)
    for name, record in records.items():
        yield f"the dialogue from line {first[name]} of {path}", record


def _turn(row: Mapping[str, str], where: str) -> dict[str, Any]:
    role = row["role"].strip().lower()
    if role not in SPEAKERS:
        raise DataError(f"L{where[1:]}: role: {shortened(repr(row['role']))} is none of {', '.join(SPEAKERS)}.")
    turn: dict[str, Any] = {"role": role, "text": row["text"]}
    if row.get("action", "").strip():
        turn["action"] = row["action"].strip()
    for column in ("items", "recommended"):
        if row.get(column, "").strip():
            turn[column] = list(facet_values(row[column]))
    answer = row.get("accepted", "").strip().lower()
    if answer:
        if answer not in _ANSWERS:
            raise DataError(f"L{where[1:]}: accepted: {shortened(repr(answer))} is neither yes nor no.")
        turn["accepted"] = _ANSWERS[answer]
    return turn


def _add_whole(record: dict[str, Any], row: Mapping[str, str]) -> None:
    """What a row says about its dialogue, or about the user."""
    for column in _WHOLE:
        if row.get(column, "").strip():
            record.setdefault(column, row[column].strip())
    said = {column: row[column].strip() for column in _PERSONA if row.get(column, "").strip()}
    seen = {"history": list(facet_values(row["history"]))} if row.get("history", "").strip() else {}
    if said or seen:
        record["persona"] = {**said, **seen, **record.get("persona", {})}
    for column, like in (("liked", True), ("disliked", False)):
        if row.get(column, "").strip():
            record.setdefault("liked", {}).update(dict.fromkeys(facet_values(row[column]), like))
