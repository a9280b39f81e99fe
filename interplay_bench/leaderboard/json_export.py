"""The leaderboard for machines: one JSON file, a line per row."""

from __future__ import annotations

import json
from typing import Any

from interplay_bench.leaderboard.board import Board
from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.result_record import ResultRecord
from interplay_bench.leaderboard.table import Column, Row, Table

SCHEMA = 2
_ENCODER = json.JSONEncoder(ensure_ascii=False)
OF_RECORD = ("command", "git", "machine", "versions", "ledger", "timing")


def render(board: Board) -> str:
    """All tables, with whatever the other formats show and each record's hash."""
    tables = ",\n".join(_table(board, table) for table in board.tables)
    return f'{{"schema": {SCHEMA}, "citation": {_json(board.citation)}, "tables": [\n{tables}\n]}}\n'


def _table(board: Board, table: Table) -> str:
    head = {
        "id": table.slug,
        "title": table.title,
        "scope": table.scope,
        "tasks": [span.task for span in table.spans],
        "dataset": {
            "name": table.dataset,
            "split": table.split,
            "dialogues": table.dialogues,
            "synthetic": table.synthetic,
            "fingerprint": table.fingerprint,
        },
        "columns": [
            {"task": s.task, "metric": c.metric, "direction": c.direction, "signature": c.signature}
            for s in table.spans
            for c in s.columns
        ],
    }
    rows = ",\n".join(f"  {_json(_row(board, table, row))}" for row in table.rows)
    return f'{_json(head)[:-1]}, "rows": [\n{rows}\n]}}'


def _row(board: Board, table: Table, row: Row) -> dict[str, Any]:
    halves = zip(table.spans, row.cells, strict=True)
    pairs = [pair for span, half in halves for pair in zip(span.columns, half, strict=True)]
    return {
        "model": row.model,
        "origin": row.origin,
        "control": row.control,
        "knows_target": row.told,
        "tags": list(row.tags),
        "cells": [_cell(column, cell) for column, cell in pairs if cell],
        "records": [_record(board, table, record) for record in row.sources],
    }


def _cell(column: Column, cell: Cell) -> dict[str, Any]:
    known = {
        "metric": column.metric,
        "value": cell.value,
        "printed": cell.printed,
        "low": cell.low,
        "high": cell.high,
        "count": cell.count,
        "total": cell.total,
        "n": cell.n,
        "derived": cell.derived or None,
        "best": cell.best or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _record(board: Board, table: Table, record: ResultRecord) -> dict[str, Any]:
    """Where it lies, and how it came about, which is said once for the tables of the same runs."""
    known = _of_record(record) if table.scope != "beyond" else {}
    return {"file": f"{board.results}/{record.file}", "sha256": record.digest, "task": record.task, **known}


def _of_record(record: ResultRecord) -> dict[str, Any]:
    data = record.run.to_json()
    return {key: data[key] for key in OF_RECORD}


def _json(value: object) -> str:
    return _ENCODER.encode(value)
