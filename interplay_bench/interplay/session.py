"""A whole simulation: dialogues as they end into a run directory, resumed after any interruption, then its corpus.

The directory is that of a run of the task ``interplay`` (``run.json``, ``samples.jsonl``), so that ``table``,
``compare`` and ``show`` read it; ``dialogues.jsonl`` and the data card ``README.md`` are made of it at the end. A
dialogue is written as one line the moment it ends: SIGKILL loses those in flight, which a resumed run says again.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench import registry
from interplay_bench.errors import RunError, UsageError
from interplay_bench.interplay.corpus import write_corpus
from interplay_bench.interplay.episode import Episode
from interplay_bench.interplay.folder import check, place
from interplay_bench.interplay.leakage import leakage
from interplay_bench.interplay.lockstep import Rules, converse
from interplay_bench.interplay.pair import Pair, Remembering
from interplay_bench.interplay.request import Request
from interplay_bench.interplay.transitions import transitions
from interplay_bench.model import Model
from interplay_bench.progress import Progress, silent
from interplay_bench.provenance import machine, revision, versions
from interplay_bench.run import SCHEMA, Run, write_record
from interplay_bench.runner import load, stock_of
from interplay_bench.sample_log import SampleLog, read_samples, windows
from interplay_bench.simulator import LanguageModelSimulator
from interplay_bench.task import Task, tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interplay_bench.dataset import DialogueSet
    from interplay_bench.dialogue import Dialogue


def simulate(
    request: Request,
    output: Path | None = None,
    *,
    resume: bool = False,
    progress: Progress = silent,
    cast: tuple[Model, Model] | None = None,
) -> Run:
    """Let a user and a recommender talk about every persona; return the finished run.

    ``cast``: the two models, where the caller has built them already. Raises an
    :class:`~interplay_bench.errors.InterplayError` for everything that a caller can get wrong.
    """
    _check(request)
    check(output, resume)
    task = registry.find_task("interplay").from_settings(request.task_options(), request.seed)
    request.models()
    source = load(request.dataset, request.data, request.split)
    dialogues = source.dialogues[: request.limit]
    stock = stock_of(source, request.data)
    task.prepare(stock)
    with _played(request, cast) as (user, recommender):
        pair = Pair.of(user.adapter, recommender.adapter, stock, (user.name, recommender.name))
        for adapter in (user.adapter, recommender.adapter):
            if isinstance(adapter, LanguageModelSimulator) and isinstance(adapter.model, Remembering):
                adapter.model.remember()
        record = _record(request, task, source, len(dialogues), user, recommender)
        folder = place(record, output)
        log = SampleLog(folder)
        write_record(folder, record)  # before the samples: without a record, they would be nobody's
        done = log.recover(windows(len(dialogues), 1))
        started = time.monotonic()
        todo = {number: dialogue for number, dialogue in enumerate(dialogues) if number not in done}
        rules = Rules(request.max_turns, request.window, request.decisions)
        with going_on(folder), progress(f"{user.name} · {recommender.name}", len(dialogues), len(done)) as advance:
            for number, episode in converse(pair, todo, stock.catalog, rules):
                log.append([number], [episode.sample()])
                advance(1)
        log.merge()
        seconds = time.monotonic() - started
        usage = {"user": dict(user.adapter.usage()), "recommender": dict(recommender.adapter.usage())}
        record |= {"usage": usage, **_outcome(task, folder, dialogues, seconds, len(todo))}
        episodes = [Episode.of(sample) for sample in read_samples(folder)]
        record |= {"transitions": transitions(episodes), "leaks": leakage((user, recommender), episodes)}
        write_corpus(folder, episodes)
        write_record(folder, record)
    return Run.load(folder)


@contextmanager
def going_on(folder: Path) -> Iterator[None]:
    """Say, where a person interrupts, how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"--output {shlex.quote(str(folder))} --resume goes on from here") from None


def _check(request: Request) -> None:
    if request.seed < 0:
        raise UsageError(f"The seed must be at least 0, not {request.seed}.")
    if request.limit is not None and request.limit < 1:
        raise UsageError(f"--limit must be at least 1, not {request.limit}.")
    if request.max_turns < 1:
        raise UsageError(f"--max-turns must be at least 1, not {request.max_turns}.")
    if request.temperature is not None and not request.temperature >= 0:
        raise UsageError(f"--temperature must be at least 0, not {request.temperature:g}.")
    if request.top_p is not None and not 0 < request.top_p <= 1:
        raise UsageError(f"--top-p must be above 0 and at most 1, not {request.top_p:g}.")
    if request.window < 1:
        raise UsageError(f"--batch must be at least 1, not {request.window}.")


@contextmanager
def _played(request: Request, cast: tuple[Model, Model] | None) -> Iterator[tuple[Model, Model]]:
    """The two models; those built here are closed in the end."""
    if cast is not None:
        yield cast
        return
    built = request.build()
    try:
        yield built
    finally:
        for model in dict.fromkeys(model.adapter for model in built):
            model.close()


def _record(
    request: Request, task: Task[Any, Any], source: DialogueSet, total: int, user: Model, recommender: Model
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "status": "running",
        "task": {"name": task.name, "version": task.version, "options": asdict(task.options)},
        "model": user.record(),
        "recommender": recommender.record(),
        "dataset": {
            "name": source.name,
            "split": request.split,
            "synthetic": source.synthetic,
            "fingerprint": source.fingerprint,
            "dialogues": total,
            "preprocessing": source.preprocessing.to_json(),
        },
        "request": asdict(request.evaluation()),
        "command": request.command(),
        "versions": versions(),
        "git": revision(),
        "machine": machine(),
    }


def _outcome(
    task: Task[Any, Any], folder: Path, dialogues: Sequence[Dialogue], seconds: float, worked: int
) -> dict[str, Any]:
    samples = read_samples(folder)
    task.draw(samples, folder)
    if [sample.dialogue for sample in samples] != [dialogue.id for dialogue in dialogues]:
        raise RunError(f"{folder} holds {len(samples)} of {len(dialogues)} dialogues: please report this.")
    return {
        "status": "complete",
        "metrics": {score.name: score.to_json() for score in task.scores(samples)},
        "ledger": tally(samples),
        "timing": {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "dialogues": worked,
            "dialogues_per_second": round(worked / seconds, 3) if seconds else None,
        },
    }
