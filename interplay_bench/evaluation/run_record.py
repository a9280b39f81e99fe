"""``run.json``: what a run was asked, what that came to mean, what it was made with, and what it found.

One typed record, written by the run loop and read by everything else. Schema 2; records of schema 1 are read through
:func:`interplay_bench.evaluation.run_record_v1.upgrade`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_serializer, field_validator

from interplay_bench.environment.canonical_json import canonical
from interplay_bench.evaluation.run_record_v1 import upgrade
from interplay_bench.metrics.score import Score

SCHEMA = 2
Json = dict[str, JsonValue]


class Part(BaseModel):
    """A part of the record. Unknown keys, other types and infinite numbers are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TaskRecord(Part):
    """The evaluation. ``options``: as asked for, defaults filled in. ``resolved``: what they came to mean (which
    encoder ``auto`` is, which scorer); ``None`` in a record that does not say."""

    name: str
    version: str
    options: Json
    resolved: Json | None = None


class ModelRecord(Part):
    """A model. ``identity``: what can change its outputs beside the card. ``control``: a simple policy to compare
    with."""

    name: str
    card: Json
    knows_target: bool
    identity: Json
    control: bool = False


class DatasetRecord(Part):
    """The dialogues, as read. ``dialogues``: how many the run is over; ``users``: of how many people, where known."""

    name: str
    split: str
    synthetic: bool
    fingerprint: str
    dialogues: int = Field(ge=0)
    users: int | None = Field(default=None, ge=0)
    preprocessing: Json


class RequestRecord(Part):
    """The run as it was asked for."""

    task: str
    model: str
    dataset: str
    data: str | None
    split: str
    limit: int | None
    seed: int
    settings: dict[str, str]


class Revision(Part):
    """The commit of the code; ``dirty``: it was changed since."""

    commit: str
    dirty: bool


class Ledger(Part):
    """Every dialogue in exactly one of ``outcomes``; ``counts`` are the sums of whatever else is counted."""

    dialogues: int
    outcomes: dict[str, int]
    counts: dict[str, int]


class Timing(Part):
    """``finished``: ISO 8601. ``dialogues``: those evaluated in ``seconds``; a resumed run has fewer than all."""

    finished: str | None = None
    seconds: float
    dialogues: int
    dialogues_per_second: float | None


class RunRecord(Part):
    """One run.

    ``recommender``: the other side, where two models met. ``command``: what makes the same run; ``None`` where it was
    made from Python with objects that no command can name. ``code``: the SHA-256 of each file of other people's code
    that took part, by its name; ``None`` in a record that does not say. ``git``: of this package; ``project``: of the
    repository that the run was made in, where it is another. ``shard``: which share of the run this is (``2/4``),
    finished where the status is ``shard``. ``transitions`` and ``leaks``: of a simulation.
    """

    version: Literal[2] = Field(alias="schema")
    status: Literal["running", "shard", "complete"]
    task: TaskRecord
    model: ModelRecord
    recommender: ModelRecord | None = None
    dataset: DatasetRecord
    request: RequestRecord
    command: str | None
    code: dict[str, str] | None = None
    versions: dict[str, str]
    git: Revision | None
    project: Revision | None = None
    machine: str
    usage: Json | None = None
    metrics: dict[str, Score] = Field(default_factory=dict)
    ledger: Ledger | None = None
    timing: Timing | None = None
    shard: str | None = None
    transitions: dict[str, dict[str, int]] | None = None
    leaks: Json | None = None

    @field_validator("metrics")
    @classmethod
    def _finite(cls, scores: dict[str, Score]) -> dict[str, Score]:
        for name, score in scores.items():
            numbers = (score.value, score.low, score.high)
            if not all(number is None or math.isfinite(number) for number in numbers):
                raise ValueError(f"{name!r} is no finite number")
        return scores

    @field_serializer("metrics")
    def _plain(self, scores: dict[str, Score]) -> dict[str, Any]:
        return {name: score.to_json() for name, score in scores.items()}

    @classmethod
    def parse(cls, data: object) -> RunRecord:
        """Read JSON values of schema 1 or 2; raises :class:`ValueError` with what is wrong, and where."""
        try:
            record = cls.model_validate_json(json.dumps(upgrade(data)))  # as JSON: lists for tuples, objects for scores
            json.dumps(
                record.to_json(), allow_nan=False
            )  # what is of any type may not hold NaN either, which is no JSON
            return record
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the record"
            raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``run.json``; what is unknown or does not apply is left out."""
        return self.model_dump(by_alias=True, exclude_defaults=True) | {"command": self.command, "git": self._git()}

    def _git(self) -> dict[str, Any] | None:
        return None if self.git is None else self.git.model_dump()

    def protocol(self) -> dict[str, str]:
        """What every signature says of how the models were run; nothing, where that is the paper's protocol."""
        how = [side.identity.get("sampling") for side in (self.model, self.recommender) if side is not None]
        bound = any(isinstance(each, dict) and each.get("guided") == "catalogue" for each in how)
        return {"titles": "catalogue"} if bound else {}

    def told(self) -> bool:
        """Whether either side knows the target."""
        return self.model.knows_target or (self.recommender is not None and self.recommender.knows_target)


def differences(before: RunRecord, now: RunRecord) -> list[str]:
    """What keeps the run ``before`` from being resumed as ``now``: everything that can change an output.

    What an old record does not say is not compared.
    """
    found: list[str] = []
    for name, old, new in _identity(before, now):
        if old is not None and canonical(old) != canonical(new):
            found += _paths(name, old, new)
    return found


def _identity(before: RunRecord, now: RunRecord) -> Iterator[tuple[str, Any, Any]]:
    for record_part in ("task", "model", "recommender", "dataset"):
        sides = [getattr(record, record_part) for record in (before, now)]
        old, new = ({} if side is None else side.model_dump() for side in sides)
        for side_json in (old, new):
            for report in ("preprocessing", "users"):  # the fingerprint says what was read
                side_json.pop(report, None)
        if record_part == "task" and old["resolved"] is None:
            old.pop("resolved"), new.pop("resolved")
        if before.task.resolved is None and "identity" in new:  # an old record's identity says less
            new["identity"] = {key: new["identity"][key] for key in old["identity"] if key in new["identity"]}
        yield record_part, old, new
    yield "versions", before.versions, now.versions
    yield "code", before.code, now.code or {}
    yield "seed", before.request.seed, now.request.seed
    yield "shard", before.shard or "none", now.shard or "none"
    yield "limit", {"dialogues": before.request.limit}, {"dialogues": now.request.limit}


def _paths(name: str, old: Any, new: Any) -> list[str]:
    """Where two values differ: ``task.options.history (gold, now self)``."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys: Sequence[str] = sorted(old.keys() | new.keys())
        changed = [key for key in keys if canonical(old.get(key)) != canonical(new.get(key))]
        return [path for key in changed for path in _paths(f"{name}.{key}", old.get(key), new.get(key))]
    texts = [str(value) for value in (old, new)]
    short = all(len(text) <= 40 for text in texts)
    return [f"{name} ({texts[0]}, now {texts[1]})" if short else name]
