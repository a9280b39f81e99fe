"""Where the dialogues of a study come from: a run's or a simulation's folder, or a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.run import RECORD, Run
from interplay_bench.reports.described_run import described


@dataclass(frozen=True, slots=True)
class SourceDialogues:
    """The dialogues, the names of the models that wrote them, where a run tells, and whether the data are synthetic."""

    dialogues: list[Dialogue]
    models: tuple[str, ...] = ()
    synthetic: bool = False


def source_dialogues(source: str) -> SourceDialogues:
    """The dialogues of ``source``: a run's folder, a data set's name, or ``NAME=PATH`` for one that lies there."""
    if (Path(source) / RECORD).is_file():
        run = Run.load(source)
        wrote = [model.name for model in (run.record.model, run.record.recommender) if model is not None]
        return SourceDialogues([each.dialogue for each in described(run)], tuple(wrote), run.record.dataset.synthetic)
    name, _, path = source.partition("=")
    try:
        found = load_dataset(name, path or None)
    except UsageError as error:
        raise UsageError(f"{source!r} is neither a run's folder nor a data set. {error}") from None
    return SourceDialogues(list(found.dialogues), synthetic=found.synthetic)
