"""Published records: what is kept of a finished run. Numbers and where they come from; no texts, no local paths."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import DataError
from interplay_bench.environment.terminal import spelt_out
from interplay_bench.evaluation.run_record import Ledger, RunRecord
from interplay_bench.metrics.score import Score


@dataclass(frozen=True)
class ResultRecord:
    """One published run. ``file``: its name among the results; ``digest``: of the file's bytes."""

    file: str
    run: RunRecord
    digest: str = ""

    @classmethod
    def parse(cls, file: str, data: Any, digest: str = "") -> ResultRecord:
        """Check ``data``, of any schema; anything amiss is a :class:`DataError` that names the key."""
        try:
            # Records of schema 1 were published without their status: only finished runs ever were.
            run = RunRecord.parse({"status": "complete", **data} if isinstance(data, dict) else data)
        except ValueError as error:
            raise DataError(f"The record {file}: {error}.") from None
        if run.ledger is None or run.timing is None or not run.metrics:
            raise DataError(f"The record {file} is of a partial run: it lacks its metrics, ledger or timing.")
        return cls(file, run, digest)

    @property
    def task(self) -> str:
        """The task's name."""
        return self.run.task.name

    @property
    def model(self) -> str:
        """The model's name, as typed."""
        return self.run.model.name

    @property
    def card(self) -> str:
        """The name of the model's card."""
        return str(self.run.model.card.get("name", self.model))

    @property
    def told(self) -> bool:
        """Whether the model is told the target."""
        return self.run.model.knows_target

    @property
    def control(self) -> bool:
        """Whether the model is a control policy."""
        return self.run.model.control

    @property
    def scores(self) -> dict[str, Score]:
        """The scores by metric name."""
        return self.run.metrics

    @property
    def ledger(self) -> Ledger:
        """Every dialogue, by its outcome."""
        assert self.run.ledger is not None
        return self.run.ledger

    @property
    def state(self) -> str | None:
        """What is wrong with the code's revision, if anything."""
        if self.run.git is None:
            return "dirty tree: no revision"
        if self.run.git.dirty:
            return "dirty tree"
        # A repository of their own matters where its code took part.
        return "dirty repository" if self.run.code and self.run.project and self.run.project.dirty else None

    @property
    def command(self) -> str:
        """What makes the same run; a comment where no command can."""
        return self.run.command or "# made from Python, with objects that no command can name"

    @cached_property
    def made_with(self) -> str:
        """Version, revision and machine in a few words."""
        version = self.run.versions.get("interplay-bench", "?")
        commit = self.run.git.commit[:10] if self.run.git else "no revision"
        commit += f", in a repository at {self.run.project.commit[:10]}" if self.run.project else ""
        python = self.run.versions.get("python", "?")
        return f"interplay-bench {version} ({commit}), Python {python}, {self.run.machine}"

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.run.request.seed

    @cached_property
    def identity(self) -> str:
        """What makes two runs of a task the same model: its name, card, weights and code, and the seed."""
        model = self.run.model
        return canonical([model.name, model.card, model.identity, self.seed, self.run.code])

    @property
    def key(self) -> str:
        """What no two records may share: task, model, data, options, seed and version."""
        task, data = self.run.task, self.run.dataset
        dialogues = [data.name, data.split, data.fingerprint, data.dialogues]
        return canonical([task.model_dump(), self.identity, dialogues, self.run.versions.get("interplay-bench")])


def load_results(folder: Path) -> list[ResultRecord]:
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


def _read(path: Path) -> ResultRecord:
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"The record {path} cannot be read: {error}.") from None
    return ResultRecord.parse(path.name, spelt_out(data), hashlib.sha256(raw).hexdigest())
