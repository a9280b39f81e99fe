"""A finished or half-finished run: its directory, its record, its scores."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import RunError, unknown_name
from interplay_bench.environment.figure_file import save_figure
from interplay_bench.evaluation.frames import Samples, Scores
from interplay_bench.evaluation.run_record import Ledger, ModelRecord, RunRecord
from interplay_bench.evaluation.sample_log import read_samples
from interplay_bench.evaluation.score_plot import plot_scores
from interplay_bench.evaluation.settings import DEVICE, ENGINE
from interplay_bench.evaluation.task import TASKS, Task
from interplay_bench.metrics.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORD = "run.json"


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """One evaluation; ``run["SR"]`` is a :class:`~interplay_bench.metrics.score.Score`."""

    folder: Path
    record: RunRecord

    @classmethod
    def load(cls, folder: Path | str) -> Run:
        """Read a run directory."""
        return cls(Path(folder), read_record(Path(folder)))

    @property
    def complete(self) -> bool:
        """Whether every dialogue is accounted for."""
        return self.record.status == "complete"

    @property
    def sides(self) -> dict[str, ModelRecord]:
        """The ``model`` that was evaluated and the ``recommender`` that it met, where it met one."""
        record = self.record
        return {"model": record.model, **({"recommender": record.recommender} if record.recommender else {})}

    def players(self, told: str = " (told the target)") -> str:
        """Their names, ``user × recommender``, with ``told`` behind whoever is told the target.

        Where the engine was set otherwise than the card says, that stands behind them: it is another model.
        """
        names = " × ".join(side.name + (told if side.knows_target else "") for side in self.sides.values())
        changed = [f"{k}={v}" for k, v in self.record.request.settings.items() if k.startswith(ENGINE) and k != DEVICE]
        return f"{names} ({', '.join(changed)})" if changed else names

    @property
    def scores(self) -> Scores:
        """The scores by metric name; empty while the run is incomplete."""
        return Scores(self.record.metrics)

    @property
    def ledger(self) -> Ledger:
        """Every dialogue in exactly one outcome; of an incomplete run, a :class:`RunError`."""
        if self.record.status == "shard":
            raise RunError(f"{self.folder} holds the share {self.record.shard} of a run: interplay-bench merge them.")
        if self.record.ledger is None:
            raise RunError(f"{self.folder} is incomplete: finish it with --resume.")
        return self.record.ledger

    def __getitem__(self, metric: str) -> Score:
        if metric not in self.scores:
            raise unknown_name("metric", metric, self.scores)
        return self.scores[metric]

    def task(self) -> Task[Any, Any]:
        """The task as it was set, which knows what its samples mean."""
        record = self.record
        return TASKS.find(record.task.name).from_settings(record.task.options, record.request.seed)

    @property
    def samples(self) -> Samples:
        """What happened to each dialogue, read from the directory."""
        return Samples(read_samples(self.folder))

    def plot(self, path: Path | str | None = None) -> Figure:
        """The scores with their intervals as a figure of matplotlib, written to ``path`` where it is given."""
        figure = plot_scores(list(self.scores.values()), self._title())
        if path is not None:
            save_figure(figure, Path(path), dpi=None)
        return figure

    def __repr__(self) -> str:
        shown = "; ".join(map(str, list(self.scores.values())[:3])) if self.complete else "incomplete"
        return f"<Run {self._title()}: {shown}>"

    def _title(self) -> str:
        data = self.record.dataset
        return f"{self.record.task.name} · {self.players()} on {data.name}/{data.split}, {data.dialogues} dialogues"


def runs_in(folder: Path | str) -> list[Run]:
    """The run that ``folder`` is, or those in it, of a suite or a crossplay; :class:`RunError` where there is none."""
    folder = Path(folder)
    if (folder / RECORD).is_file() or not folder.is_dir():
        return [Run.load(folder)]
    found = sorted(path.parent for path in folder.glob(f"*/{RECORD}"))
    if not found:
        raise RunError(f"No {RECORD} in {folder} or its folders: this is no run directory.")
    return [Run.load(each) for each in found]


def read_record(folder: Path) -> RunRecord:
    """Read ``run.json``, of any schema; a missing or foreign one is a :class:`RunError`."""
    path = folder / RECORD
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"No {RECORD} in {folder}: this is no run directory.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from None
    try:
        return RunRecord.parse(data)
    except ValueError as error:
        raise RunError(f"{path} is no record of a run, or was damaged ({error}).") from None


def write_record(folder: Path, record: RunRecord) -> None:
    """Replace ``run.json`` in one step, so that a reader never sees half of it."""
    write_file(folder / RECORD, json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n")
