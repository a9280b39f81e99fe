"""From a run directory to a published record."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import RunError
from interplay_bench.environment.paths import safe_name
from interplay_bench.environment.secrets import without_secrets
from interplay_bench.evaluation.run import Run
from interplay_bench.leaderboard.result_record import ResultRecord, load_results

KEPT = (
    "schema", "status", "task", "model", "recommender", "dataset", "request", "command", "code", "versions", "git",
    "project", "machine", "metrics", "ledger", "timing",
)  # fmt: skip
FILES = {".json", ".jsonl", ".csv", ".tsv", ".txt", ".zip", ".gz", ".toml", ".parquet"}
_PART = r"[^\s/\\|\"'`,;<>{}()\[\]]+"
_PATH = re.compile(rf"(?<![\w./~-])(?:file://|~|\.{{1,2}}|[A-Za-z]:)?(?:[/\\]{_PART}){{2,}}[/\\]?")


def publish(run: Run, results: Path, *, allow_dirty: bool = False) -> Path:
    """Copy a finished run's record into ``results``; partial runs, dirty trees and duplicates are refused."""
    if not run.complete:
        raise RunError(f"{run.folder} is a partial run: finish it with --resume, then publish it.")
    record = ResultRecord.parse(str(run.folder), strip(run))
    _account(record)
    if record.state and not allow_dirty:
        raise RunError(
            f"{run.folder} comes from a {record.state}. Commit and run again, or add --allow-dirty: it will be shown."
        )
    results.mkdir(parents=True, exist_ok=True)
    for known in load_results(results):
        if known.key == record.key:
            raise RunError(f"{run.folder} is published already, as {known.file}. Delete that to replace it.")
    target = results / _name(record)
    write_file(target, json.dumps(record.run.to_json(), indent=2, ensure_ascii=False) + "\n")
    return target


def strip(run: Run) -> dict[str, Any]:
    """What a record keeps of a run: of every path, the last part alone; no time of day."""
    data, asked = without_secrets(run.record.to_json()), run.record.request
    kept: dict[str, Any] = {key: _without_paths(data[key]) for key in KEPT if key in data}
    kept["timing"].pop("finished", None)
    if kept["model"]["name"].endswith(".toml"):
        kept["model"]["name"] = Path(kept["model"]["name"]).stem
    shown = {word: _shown(word) for word in (asked.model, asked.data) if word is not None}
    kept["request"] |= {"model": shown[asked.model], "data": None if asked.data is None else shown[asked.data]}
    if run.record.command is not None:
        kept["command"] = _command(run.record.command, shown)
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


def _account(record: ResultRecord) -> None:
    """The ledger adds up, and each rate is its count by its total."""
    if sum(record.ledger.outcomes.values()) != record.run.dataset.dialogues:
        raise RunError(f"The ledger of {record.file} does not add up to its dialogues.")
    for name, score in record.scores.items():
        wrong = score.count is not None and score.total and score.value != score.count / score.total
        if wrong or not (score.low is None or score.high is None or score.value is None or score.low <= score.high):
            raise RunError(f"The metric {name!r} of {record.file} contradicts its own counts.")


def _name(record: ResultRecord) -> str:
    """``task-dataset-model-digest.json``: readable, and its own for every key."""
    words = safe_name(f"{record.task}-{record.run.dataset.name}-{record.model}")
    return f"{words}-{hashlib.sha256(record.key.encode()).hexdigest()[:8]}.json"
