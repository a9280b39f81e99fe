"""A run's directory: checked before anything is loaded, then held by one writer until the run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from interplay_bench.environment.atomic_file import is_draft
from interplay_bench.environment.errors import RunError, UsageError
from interplay_bench.environment.paths import safe_name
from interplay_bench.environment.processes import Processes
from interplay_bench.evaluation.run import RECORD, read_record
from interplay_bench.evaluation.run_record import RunRecord, differences

LOCK = ".lock"
SHOWN = 3
"""How many differences an error names."""


def check_output(output: Path | None, resume: bool, processes: Processes) -> None:
    """Raise where the run could not be kept; an existing one is only resumed when asked to."""
    if output is None:
        if resume:
            raise UsageError("--resume needs --output: the directory of the run to resume.")
        if processes.world > 1:
            raise UsageError("With several processes, say where the run goes: --output DIR.")
    elif processes.first:  # which may have begun by the time the others come here
        with writable(output):
            _check_folder(output, resume)


@contextmanager
def hold(output: Path | None, record: RunRecord, resume: bool, processes: Processes) -> Iterator[Path]:
    """The run's directory, made, or found to hold the same run; locked against other runs while it is held.

    ``output``: ``None`` for a new directory under ``runs/``. Only the first of several ``processes`` checks and locks.
    """
    if output is not None and not processes.first:
        yield output
        return
    with writable(output):
        folder = fresh(_name(record)) if output is None else output
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(f"Another run is writing to {folder}. Wait for it, or choose another --output.") from None
    try:
        if output is not None:
            with writable(output):
                _check_folder(output, resume)  # again: another run may have come and gone since
            _check_same(folder, record)
        yield folder
    finally:
        lock.release()


@contextmanager
def writable(output: Path | None) -> Iterator[None]:
    """Report what the operating system has against the run's directory as a :class:`RunError`."""
    try:
        yield
    except OSError as error:
        where = Path("runs") if output is None else output
        raise RunError(f"The run cannot be kept in {where} ({error.strerror}): choose another --output.") from error


def fresh(name: str, root: Path = Path("runs")) -> Path:
    """A new directory ``root/name-NNN``."""
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = root / f"{safe_name(name)}-{number:03d}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _name(record: RunRecord) -> str:
    names = [record.dataset.name, record.task.name, record.model.name]
    return "-".join([*names, *([record.recommender.name] if record.recommender else [])])


def _check_folder(folder: Path, resume: bool) -> None:
    if (folder / RECORD).is_file():
        if not resume:
            raise RunError(f"{folder} already holds a run. Add --resume to resume it, or choose another --output.")
    elif folder.exists() and not _unused(folder):
        raise RunError(f"{folder} exists and is no run directory. Choose another --output.")


def _unused(folder: Path) -> bool:
    """Whether the folder holds nothing but what a run killed at its very start leaves."""
    return folder.is_dir() and all(is_draft(file) or file.name == LOCK for file in folder.iterdir())


def _check_same(folder: Path, record: RunRecord) -> None:
    if not (folder / RECORD).is_file():
        return
    found = differences(read_record(folder), record)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise RunError(f"{folder} holds a run that differs in {', '.join(found[:SHOWN])}{more}: it cannot be resumed.")
