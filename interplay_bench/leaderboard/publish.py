"""From a run directory to a published record."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.errors import RunError
from interplay_bench.leaderboard.records import SCHEMA, Record, load
from interplay_bench.run import Run

KEPT = ("task", "model", "dataset", "request", "command", "versions", "git", "machine", "metrics", "ledger", "timing")
FILES = {".json", ".jsonl", ".csv", ".tsv", ".txt", ".zip", ".gz", ".toml", ".parquet"}
_PART = r"[^\s/\\|\"'`,;<>{}()\[\]]+"
_PATH = re.compile(rf"(?<![\w./~-])(?:file://|~|\.{{1,2}}|[A-Za-z]:)?(?:[/\\]{_PART}){{2,}}[/\\]?")


def publish(run: Run, results: Path, *, allow_dirty: bool = False) -> Path:
    """Copy a finished run's record into ``results``; partial runs, dirty trees and duplicates are refused."""
    if not run.complete:
        raise RunError(f"{run.folder} is a partial run: finish it with --resume, then publish it.")
    record = Record.parse(str(run.folder), strip(run))
    _account(record)
    if record.state and not allow_dirty:
        raise RunError(
            f"{run.folder} comes from a {record.state}. Commit and run again, or add --allow-dirty: it will be shown."
        )
    results.mkdir(parents=True, exist_ok=True)
    for known in load(results):
        if known.key == record.key:
            raise RunError(f"{run.folder} is published already, as {known.file}. Delete that to replace it.")
    target = results / _name(record)
    draft = target.with_suffix(".draft")
    draft.write_text(json.dumps(record.data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(target)
    return target


def strip(run: Run) -> dict[str, Any]:
    """What a record keeps of a run: of every path, the last part alone; no time of day."""
    kept: dict[str, Any] = {"schema": SCHEMA}
    kept |= {key: _without_paths(run.record[key]) for key in KEPT if key in run.record}
    kept.get("timing", {}).pop("finished", None)
    model, request = kept.get("model", {}), kept.get("request", {})
    given = {key: run.record.get("request", {}).get(key) for key in ("model", "data")}
    shown = {word: _shown(word) for word in given.values() if isinstance(word, str)}
    if isinstance(model.get("name"), str) and model["name"].endswith(".toml"):
        model["name"] = Path(model["name"]).stem
    for key, word in given.items():
        if isinstance(word, str):
            request[key] = shown[word]
    if isinstance(run.record.get("command"), str):
        kept["command"] = _command(run.record["command"], shown)
    return kept


def _command(command: str, shown: Mapping[str, str]) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        return str(_without_paths(command))
    return shlex.join(shown.get(word) or _without_paths(word) for word in words)


def _shown(word: str) -> str:
    """A file's or folder's name; what is no file (a hub id, a model's name) stays as it is."""
    path = Path(word).expanduser()
    local = word.startswith(("/", "~", ".")) or "\\" in word or path.suffix in FILES or path.exists()
    return re.split(r"[/\\]", word.rstrip("/\\"))[-1] if local else word


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {_without_paths(key): _without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_paths(item) for item in value]
    if isinstance(value, str):
        return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], value)
    return value


def _account(record: Record) -> None:
    """The ledger adds up, and each rate is its count by its total."""
    ledger = record.data["ledger"]
    if sum(ledger["outcomes"].values()) != record.data["dataset"]["dialogues"]:
        raise RunError(f"The ledger of {record.file} does not add up to its dialogues.")
    for name, score in record.scores.items():
        wrong = score.count is not None and score.total and score.value != score.count / score.total
        if wrong or not (score.low is None or score.high is None or score.value is None or score.low <= score.high):
            raise RunError(f"The metric {name!r} of {record.file} contradicts its own counts.")


def _name(record: Record) -> str:
    """``task-dataset-model-digest.json``: readable, and its own for every key."""
    words = f"{record.task}-{record.data['dataset']['name']}-{record.model}"
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in words)[:120]
    return f"{safe}-{hashlib.sha256(record.key.encode()).hexdigest()[:8]}.json"
