"""The one loop behind every run: dialogues in windows, samples as they end, and the record at the start and the end."""

from __future__ import annotations

import shlex
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import InterplayError, RunError
from interplay_bench.environment.processes import Processes
from interplay_bench.environment.progress import Progress
from interplay_bench.environment.terminal import printable
from interplay_bench.evaluation.damaged_samples import readable
from interplay_bench.evaluation.run import Run, write_record
from interplay_bench.evaluation.run_directory import hold
from interplay_bench.evaluation.run_record import RunRecord
from interplay_bench.evaluation.sample import BACKEND_ERROR, NOT_ASKED, Sample, tally
from interplay_bench.evaluation.sample_log import SampleLog, read_samples, windows
from interplay_bench.evaluation.shard import Shard
from interplay_bench.evaluation.task import Task
from interplay_bench.metrics.score import signature

ERRORS = "error.log"
Work = Callable[[Sequence[range]], Iterator[tuple[Iterable[int], Sequence[Sample]]]]
"""What evaluates the dialogues of some windows: yields samples, with the positions of their dialogues, as they end."""
Finish = Callable[[Path, Sequence[Sample]], Mapping[str, Any]]
"""What a run adds to its directory at the end; returns what it adds to the record."""


def run_loop(
    task: Task[Any, Any],
    record: RunRecord,
    dialogues: Sequence[Dialogue],
    work: Work,
    *,
    window: int,
    output: Path | None,
    resume: bool,
    progress: Progress,
    finish: Finish,
    shard: Shard | None = None,
) -> Run:
    """Evaluate every dialogue that has no sample yet, and write the finished record.

    ``window``: how many dialogues are finished or repeated as a whole after an interruption. Each process of several
    takes every n-th window. ``finish`` is called by the first process when all samples are there. ``shard``: only this
    share of the windows; :func:`~interplay_bench.evaluation.merge.merge` makes the run of all shares.
    """
    processes = Processes.here()
    plan = windows(len(dialogues), window)
    if shard is not None:
        record, plan = record.model_copy(update={"shard": str(shard)}), shard.share(plan)
    started = time.monotonic()
    with hold(output, record, resume, processes) as folder:
        log = SampleLog(folder, processes.rank, processes.world)
        if processes.first:
            write_record(folder, record)  # before the samples: without a record, they would be nobody's
            log.recover(plan)
        processes.wait()
        done = log.done()
        todo = [each for each in plan if each[0] not in done][processes.rank :: processes.world]
        title = f"{record.task.name} · {record.model.name}"
        with resumable(folder), progress(title, sum(map(len, plan)), len(done)) as advance:
            for indices, samples in work(todo):
                log.append(indices, samples)
                advance(len(samples))
        processes.wait()
        if processes.first:
            log.merge()
            seconds, worked = time.monotonic() - started, sum(map(len, plan)) - len(done)
            # What an earlier attempt left may be damaged; what fails over samples of this one is the code's fault.
            with resumable(folder), readable(folder) if done else nullcontext():
                if shard is None:
                    outcome = _outcome(task, record, folder, dialogues, worked, seconds)
                else:
                    outcome = {"status": "shard", "timing": _timing(worked, seconds)}
                added = finish(folder, read_samples(folder))
                write_record(folder, RunRecord.parse({**record.to_json(), **outcome, **added}))
        processes.wait()
    return Run.load(folder)


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Say, where a person interrupts, how to resume; keep the traceback of what nobody foresaw in the directory."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"--output {shlex.quote(str(folder))} --resume goes on from here") from None
    except InterplayError:
        raise
    except Exception as error:
        with suppress(OSError):
            write_file(folder / ERRORS, printable(traceback.format_exc()))
            error.add_note(f"The traceback is in {folder / ERRORS}")
        raise


def _outcome(
    task: Task[Any, Any],
    record: RunRecord,
    folder: Path,
    dialogues: Sequence[Dialogue],
    worked: int,
    seconds: float,
) -> dict[str, Any]:
    samples = read_samples(folder)
    _check_complete(folder, samples, dialogues)
    return outcome_of(task, record, folder, samples, worked, seconds)


def outcome_of(
    task: Task[Any, Any], record: RunRecord, folder: Path, samples: Sequence[Sample], worked: int, seconds: float
) -> dict[str, Any]:
    """What the ``record`` is to say of a run whose ``samples`` are all there.

    ``worked``: how many dialogues took ``seconds``.
    """
    _check_asked(folder, samples)
    task.draw(samples, folder)
    return {
        "status": "complete",
        "metrics": {
            score.name: replace(score, signature=signature(score.signature, **record.protocol())).to_json()
            for score in task.scores(samples)
        },
        "ledger": tally(samples),
        "timing": _timing(worked, seconds),
    }


def _timing(worked: int, seconds: float) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "dialogues": worked,
        "dialogues_per_second": round(worked / seconds, 3) if seconds else None,
    }


def _check_asked(folder: Path, samples: Sequence[Sample]) -> None:
    """A run in which the backend answered nothing at all has no result: scores over nothing would look like one."""
    asked = [sample for sample in samples if sample.outcome not in NOT_ASKED]
    if asked and all(sample.outcome == BACKEND_ERROR for sample in asked):
        reason = next(filter(None, map(_problem, asked)), "no reason given")
        raise RunError(
            f"The model's backend answered none of {len(asked)} dialogues ({reason}). Correct that, and run anew with "
            f"another --output: {folder} holds refusals alone."
        )


def _problem(sample: Sample) -> str | None:
    """The first reason that a sample gives for what was refused."""
    waiting: list[Any] = [dict(sample.detail)]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, Mapping):
            for key in ("problem", "malformed"):
                if isinstance(part.get(key), str):
                    return str(part[key])
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
    return None


def _check_complete(folder: Path, samples: Sequence[Sample], dialogues: Sequence[Dialogue]) -> None:
    """Every dialogue has its sample: what a task left out, or named otherwise, would be missing without a word."""
    expected = [dialogue.id for dialogue in dialogues]
    if [sample.dialogue for sample in samples] != expected:
        raise RunError(
            f"{folder} holds samples of {len(samples)} of {len(expected)} dialogues, or of others: the task must give "
            "one sample for each dialogue, in order."
        )
