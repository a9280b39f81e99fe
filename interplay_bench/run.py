"""A finished or half-finished run: its folder, its record, its scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interplay_bench.errors import RunError, unknown_name
from interplay_bench.results import Score
from interplay_bench.sample_log import read_samples
from interplay_bench.task import Sample

RECORD = "run.json"
DRAFT = f"{RECORD}.draft"
SCHEMA = 1
PARTS = ("task", "model", "dataset", "request")
"""What every record says about its run, beside its status."""


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation: ``record`` is ``run.json``; ``run["SR"]`` is a :class:`~interplay_bench.results.Score`."""

    folder: Path
    record: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run directory."""
        return cls(folder, read_record(folder))

    @property
    def complete(self) -> bool:
        """Whether every dialogue is accounted for."""
        return bool(self.record["status"] == "complete")

    @property
    def sides(self) -> dict[str, Mapping[str, Any]]:
        """The records of the ``model`` and of the ``recommender`` that it met, where it met one."""
        record = self.record
        met = record.get("recommender") or record["task"].get("partners", {}).get("recommender")
        return {"model": record["model"], **({"recommender": met} if met else {})}

    def players(self, told: str = " (told the target)") -> str:
        """Their names, ``user × recommender``, with ``told`` behind whoever is told the target."""
        return " × ".join(side["name"] + (told if side["knows_target"] else "") for side in self.sides.values())

    @property
    def scores(self) -> dict[str, Score]:
        """The scores by metric name; empty while the run is incomplete."""
        return {name: Score.from_json(data) for name, data in self.record.get("metrics", {}).items()}

    def __getitem__(self, metric: str) -> Score:
        scores = self.scores
        if metric not in scores:
            raise unknown_name("metric", metric, scores)
        return scores[metric]

    def samples(self) -> list[Sample]:
        """What happened to each dialogue."""
        return read_samples(self.folder)


def read_record(folder: Path) -> dict[str, Any]:
    """Read ``run.json``; a missing or foreign one is a :class:`RunError`."""
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"No {RECORD} in {folder}: this is no run directory.") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise RunError(f"{path} is of another schema than {SCHEMA}: it was made by another version.")
    missing = [part for part in PARTS if not isinstance(record.get(part), dict)]
    if missing or "status" not in record:
        raise RunError(f"{path} lacks {', '.join(missing) or 'its status'}: it is no record of a run, or was damaged.")
    return record


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Replace ``run.json`` in one step, so that a reader never sees half of it."""
    draft = folder / DRAFT
    draft.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(folder / RECORD)
