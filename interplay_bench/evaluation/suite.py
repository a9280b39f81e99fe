"""Many cells in one go: the data read once, each model loaded once, one run directory per cell."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import IncompatibleModelError, InterplayError, RunError, UsageError
from interplay_bench.environment.processes import Processes
from interplay_bench.environment.progress import Progress, silent
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.grid import Cell, Grid
from interplay_bench.evaluation.run import RECORD, Run
from interplay_bench.evaluation.run_directory import fresh, writable
from interplay_bench.evaluation.run_loop import resumable
from interplay_bench.evaluation.sample_log import MERGED
from interplay_bench.evaluation.settings import data_options, engine_options
from interplay_bench.simulators import model_spec as models


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Which dialogues: a data set by name, where it is, its split, and how many of it."""

    dataset: str = "sample"
    data: str | None = None
    split: str = "test"
    limit: int | None = None


@dataclass(slots=True)
class SuiteResult:
    """What came of a suite: ``runs`` in order, and why other cells have none."""

    folder: Path
    runs: list[Run] = field(default_factory=list)
    failed: dict[Cell, str] = field(default_factory=dict)


def run_suite(
    grid: Grid,
    data: DataRequest,
    output: Path | None,
    *,
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda text: None,
) -> SuiteResult:
    """Evaluate every cell that fits, each into a folder of its own under ``output`` (default: a new one in ``runs/``).

    A cell that fails does not stop the others. With ``resume``, finished cells are kept and the rest goes on.
    ``tell`` is given a line about whatever is left out or fails.
    """
    cells = [cell for cell in grid.cells() if not _left_out(grid, cell, tell)]
    if not cells:
        raise IncompatibleModelError("None of the models can take the side that these tasks evaluate.")
    folder = _folder(output, resume)
    source = load_dataset(data.dataset, data.data, data.split, data_options(grid.settings))
    result = SuiteResult(folder)
    with resumable(folder):
        for _, of_one_model in groupby(cells, key=lambda cell: cell.model):
            _run_model(grid, list(of_one_model), source, data, result, (seed, resume, progress, tell))
    return result


def _run_model(
    grid: Grid,
    cells: Sequence[Cell],
    source: DialogueSet,
    data: DataRequest,
    result: SuiteResult,
    how: tuple[int, bool, Progress, Callable[[str], None]],
) -> None:
    seed, resume, progress, tell = how
    engine = engine_options(grid.settings_of(cells[0]))
    try:
        model = models.find(cells[0].model, engine).build(seed)
    except InterplayError as error:
        for cell in cells:
            _fail(result, cell, error, tell)
        return
    try:
        for cell in cells:
            place = result.folder / cell.folder(source.name)
            try:
                run = evaluate(
                    cell.task, model, source, data=data.data, split=data.split, limit=data.limit, seed=seed,
                    settings=grid.settings_of(cell), output=place, resume=resume and (place / RECORD).is_file(),
                    progress=progress,
                )  # fmt: skip
            except IncompatibleModelError as error:
                tell(f"Left out: {cell.task} with {cell.model}. {error}")
                _forget(place)
            except InterplayError as error:
                _fail(result, cell, error, tell)
            else:
                result.runs.append(run)
    finally:
        model.adapter.close()


def _left_out(grid: Grid, cell: Cell, tell: Callable[[str], None]) -> bool:
    misfit = grid.misfit(cell)
    if misfit:
        tell(f"Left out: {misfit}.")
    return misfit is not None


def _forget(place: Path) -> None:
    """Remove the directory of a cell that turned out not to fit, which holds no sample."""
    samples = place / MERGED
    if not samples.is_file() or not samples.stat().st_size:
        shutil.rmtree(place, ignore_errors=True)


def _fail(result: SuiteResult, cell: Cell, error: InterplayError, tell: Callable[[str], None]) -> None:
    result.failed[cell] = str(error)
    tell(f"{cell.task} · {cell.model} failed: {error}")


def _folder(output: Path | None, resume: bool) -> Path:
    """The suite's folder: new, or one of earlier cells."""
    if output is None:
        if resume:
            raise UsageError("--resume needs --output: the folder of the suite to resume.")
        if Processes.here().world > 1:
            raise UsageError("With several processes, say where the runs go: --output DIR.")
        with writable(None):
            return fresh("suite")
    if (output / RECORD).is_file():
        raise RunError(f"{output} holds a single run, not a suite: choose another --output.")
    if output.is_dir() and any(output.iterdir()) and not resume and Processes.here().first:
        raise RunError(f"{output} is not empty. Add --resume to go on with its cells, or choose another --output.")
    return output
