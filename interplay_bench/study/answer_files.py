"""Answers as CSV or JSON lines, by the file's name: to analyse elsewhere, or from annotators who worked elsewhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from io import StringIO
from pathlib import Path

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import DataError, InterplayError, UsageError
from interplay_bench.environment.toml_and_json import from_json
from interplay_bench.environment.validation import validated
from interplay_bench.study.answer import Answer
from interplay_bench.study.plan import Plan

COLUMNS = ("annotator", "page", "criterion", "choice", "at")
SHOWN = ("pair", "kind", "left", "prefers")
"""What an export adds from the plan; an import leaves these columns aside."""


def write_answers(path: Path, answers: Iterable[Answer], plan: Plan) -> None:
    """Write one line per answer, with the pair and whom the answer prefers."""
    rows = [_row(answer, plan) for answer in answers]
    if _suffix(path) == ".jsonl":
        write_file(path, "".join(json.dumps(row) + "\n" for row in rows))
        return
    text = StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *SHOWN], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue())


def write_comments(path: Path, comments: Iterable[tuple[str, int, str]], plan: Plan) -> None:
    """Write one line per remark, as CSV: annotator, page, the pair, and the text."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("annotator", "page", "pair", "comment"))
    writer.writerows((name, page, plan.pages(name)[page - 1].pair, remark) for name, page, remark in comments)
    write_file(path, text.getvalue())


def read_answers(path: Path, plan: Plan) -> list[Answer]:
    """Read a file of answers; what the plan does not ask, or has twice, is a :class:`DataError` with its line."""
    answers: dict[tuple[str, int, str], Answer] = {}
    for number, row in _rows(path):
        where = f"{path}, line {number}"
        known = {key: value for key, value in row.items() if key not in SHOWN}
        answer = validated(Answer, known, where, key="column", error=DataError)
        try:
            answer.check(plan)
        except InterplayError as error:
            raise DataError(f"{where}: {error}") from None
        key = (answer.annotator, answer.page, answer.criterion)
        if key in answers:
            raise DataError(f"{where}: {answer.annotator} answers page {answer.page}, {answer.criterion}, twice.")
        answers[key] = answer
    if not answers:
        raise DataError(f"{path} holds no answer.")
    return list(answers.values())


def _row(answer: Answer, plan: Plan) -> dict[str, object]:
    showing = answer.showing(plan)
    prefers = "" if plan.rates else showing.chosen(answer.choice)
    shown = (showing.pair, showing.kind.value, showing.left, prefers)
    return {**asdict(answer), **dict(zip(SHOWN, shown, strict=True))}


def _rows(path: Path) -> Iterable[tuple[int, Mapping[str, object]]]:
    suffix = _suffix(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte-order mark
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None
    if suffix == ".csv":
        reader = csv.DictReader(StringIO(text), restkey="more", restval="")
        try:
            return [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num + 1}: {error}.") from None
    rows = []
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):  # not splitlines(): it cuts at U+2028 too
        try:
            row = from_json(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: no JSON: {error}.") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: an answer is an object.")
        rows.append((number, row))
    return rows


def _suffix(path: Path) -> str:
    if path.suffix not in (".csv", ".jsonl"):
        raise UsageError(f"Answers are .csv or .jsonl, not {path.name!r}.")
    return path.suffix
