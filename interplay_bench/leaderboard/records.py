"""Published records: what is kept of a finished run. Numbers and where they come from; no texts, no local paths."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interplay_bench.errors import DataError
from interplay_bench.results import Score

SCHEMA = 1
OPTIONAL = type(None)
SHAPE: Mapping[str, Any] = {
    "schema": (int,),
    "task": {"name": (str,), "version": (str,), "options": (dict,)},
    "model": {"name": (str,), "card": (dict,), "knows_target": (bool,), "identity": (dict,)},
    "dataset": {
        "name": (str,),
        "split": (str,),
        "synthetic": (bool,),
        "fingerprint": (str,),
        "dialogues": (int,),
        "preprocessing": (dict,),
    },
    "request": {"seed": (int,), "limit": (int, OPTIONAL), "settings": (dict,)},
    "command": (str,),
    "versions": (dict,),
    "git": (dict, OPTIONAL),
    "machine": (str,),
    "metrics": (dict,),
    "ledger": {"dialogues": (int,), "outcomes": (dict,), "counts": (dict,)},
    "timing": (dict,),
}
"""The keys of a record and what each may hold; a record may hold more, and is refused with less."""


@dataclass(frozen=True)
class Record:
    """One published run. ``file``: its name among the results; ``data``: all of it; ``digest``: of its bytes."""

    file: str
    data: Mapping[str, Any]
    scores: Mapping[str, Score]
    digest: str = ""

    @classmethod
    def parse(cls, file: str, data: Any, digest: str = "") -> Record:
        """Check the shape of ``data``; anything amiss is a :class:`DataError` that names the key."""
        for problem in _problems(data, SHAPE, ""):
            raise DataError(f"The record {file}: {problem}.")
        if data["schema"] != SCHEMA:
            raise DataError(f"The record {file} is of schema {data['schema']}, not {SCHEMA}: publish the run again.")
        return cls(file, data, {name: _score(file, name, score) for name, score in data["metrics"].items()}, digest)

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.data["task"]["name"])

    @property
    def model(self) -> str:
        """The model's name, as typed."""
        return str(self.data["model"]["name"])

    @property
    def card(self) -> str:
        """The name of the model's card."""
        return str(self.data["model"]["card"].get("name", self.model))

    @property
    def told(self) -> bool:
        """Whether the model is told the target."""
        return bool(self.data["model"]["knows_target"])

    @property
    def control(self) -> bool:
        """Whether the model is a control policy: its card's summary begins with "Control"."""
        return str(self.data["model"]["card"].get("summary", "")).startswith("Control")

    @property
    def state(self) -> str | None:
        """What is wrong with the code's revision, if anything."""
        git = self.data["git"]
        if git is None:
            return "dirty tree: no revision"
        return "dirty tree" if git.get("dirty") else None

    @cached_property
    def made_with(self) -> str:
        """Version, revision and machine in a few words."""
        version = self.data["versions"].get("interplay-bench", "?")
        commit = (self.data["git"] or {}).get("commit") or "no revision"
        python = self.data["versions"].get("python", "?")
        return f"interplay-bench {version} ({str(commit)[:10]}), Python {python}, {self.data['machine']}"

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.data["request"]["seed"])

    @cached_property
    def identity(self) -> str:
        """What makes two runs of a task the same model: its name, card and weights, and the seed."""
        model = self.data["model"]
        return canonical([model["name"], model["card"], model["identity"], self.seed])

    @property
    def key(self) -> str:
        """What no two records may share: task, model, data, options, seed and version."""
        task, data = self.data["task"], self.data["dataset"]
        dialogues = [data["name"], data["split"], data["fingerprint"], data["dialogues"]]
        return canonical([task, self.identity, dialogues, self.data["versions"].get("interplay-bench")])


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical(value: object) -> str:
    """JSON with sorted keys: one text per value."""
    return _CANONICAL.encode(value)


def load(folder: Path) -> list[Record]:
    """Read every record of ``folder``, in the order of their names; two of the same run are an error."""
    if not folder.is_dir():
        raise DataError(f"No folder of results at {folder}. Give it with --results.")
    records = [_read(path) for path in sorted(folder.glob("*.json"))]
    seen: dict[str, str] = {}
    for record in records:
        other = seen.setdefault(record.key, record.file)
        if other != record.file:
            raise DataError(f"The records {other} and {record.file} are of the same run. Delete one.")
    return records


def _read(path: Path) -> Record:
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
    except (OSError, ValueError) as error:
        raise DataError(f"The record {path} cannot be read: {error}.") from None
    return Record.parse(path.name, data, hashlib.sha256(raw).hexdigest())


def _problems(data: Any, shape: Mapping[str, Any], where: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{where or 'it'} is no object"
        return
    for key, expected in shape.items():
        name = f"{where}.{key}" if where else key
        if key not in data:
            yield f"{name} is missing"
        elif isinstance(expected, Mapping):
            yield from _problems(data[key], expected, name)
        elif type(data[key]) not in expected:
            yield f"{name} is of the wrong type ({type(data[key]).__name__})"


def _score(file: str, name: str, data: Any) -> Score:
    try:
        score = Score.from_json(data)
    except TypeError as error:
        raise DataError(f"The record {file}: the metric {name!r} is malformed: {error}.") from None
    numbers = (score.value, score.low, score.high, score.count, score.total, score.n)
    if not all(number is None or _finite(number) for number in numbers) or score.n is None:
        raise DataError(f"The record {file}: the metric {name!r} holds something that is no finite number.")
    if not isinstance(score.signature, str) or score.direction not in ("higher", "lower", None):
        raise DataError(f"The record {file}: the metric {name!r} has no proper signature or direction.")
    return score


def _finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
