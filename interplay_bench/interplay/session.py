"""A whole simulation: dialogues as they end into a run directory, resumed after any interruption, then its corpus.

The directory is that of a run of the task ``interplay`` (``run.json``, ``samples.jsonl``), so that ``table``,
``compare`` and ``show`` read it; ``dialogues.jsonl`` and the data card ``README.md`` are made of it at the end. A
dialogue is written as one line the moment it ends: SIGKILL loses those in flight, which a resumed run says again.
"""

from __future__ import annotations

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
from interplay_bench.interplay.leakage import leakage
from interplay_bench.interplay.lockstep import Rules, converse
from interplay_bench.interplay.pair import Pair, Remembering
from interplay_bench.interplay.request import Request
from interplay_bench.interplay.transitions import transitions
from interplay_bench.model import Model
from interplay_bench.progress import Progress, silent
from interplay_bench.provenance import machine, revision, versions
from interplay_bench.run import RECORD, SCHEMA, Run, read_record, write_record
from interplay_bench.runner import IDENTITY, load, stock_of
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
    task = registry.find_task("interplay").from_settings(request.task_settings(), request.seed)
    request.models()
    source = load(request.dataset, request.data, request.split)
    dialogues = source.dialogues[: request.limit]
    stock = stock_of(source, request.data)
    task.prepare(stock)
    with _played(request, cast) as (user, recommender):
        pair = Pair.of(user.adapter, recommender.adapter, stock)
        for adapter in (user.adapter, recommender.adapter):
            if isinstance(adapter, LanguageModelSimulator) and isinstance(adapter.model, Remembering):
                adapter.model.remember()
        record = _record(request, task, source, len(dialogues), user, recommender)
        folder = _folder(record, output, resume)
        log = SampleLog(folder)
        done = log.recover(windows(len(dialogues), 1))
        write_record(folder, record)
        started = time.monotonic()
        todo = {number: dialogue for number, dialogue in enumerate(dialogues) if number not in done}
        rules = Rules(request.max_turns, request.window, request.decisions)
        with progress(f"{user.name} · {recommender.name}", len(dialogues), len(done)) as advance:
            for number, episode in converse(pair, todo, stock.catalog, rules):
                log.append([number], [episode.sample()])
                advance(1)
        log.merge()
        seconds = time.monotonic() - started
        usage = {"user": dict(user.adapter.usage()), "recommender": dict(recommender.adapter.usage())}
        record |= {"usage": usage, **_outcome(task, folder, dialogues, seconds, len(todo))}
        episodes = [Episode.from_json(sample.detail) for sample in read_samples(folder)]
        record |= {"transitions": transitions(episodes), "leaks": leakage((user, recommender), episodes)}
        write_corpus(folder, episodes)
        write_record(folder, record)
    return Run.load(folder)


def _check(request: Request) -> None:
    if request.limit is not None and request.limit < 1:
        raise UsageError(f"--limit must be at least 1, not {request.limit}.")
    if request.max_turns < 1:
        raise UsageError(f"--max-turns must be at least 1, not {request.max_turns}.")
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


def _folder(record: dict[str, Any], output: Path | None, resume: bool) -> Path:
    """The run directory, made or checked; an existing one is only gone on with when asked for."""
    if output is None:
        if resume:
            raise UsageError("--resume needs --output: the directory of the simulation to go on with.")
        return fresh(f"{record['dataset']['name']}-{record['model']['name']}-{record['recommender']['name']}")
    if (output / RECORD).is_file():
        if not resume:
            raise RunError(f"{output} already holds a run. Add --resume to go on with it, or choose another --output.")
        _same(read_record(output), record, output)
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise RunError(f"{output} exists and is no run directory. Choose another --output.")
    output.mkdir(parents=True, exist_ok=True)
    return output


def _same(before: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    different = [part for part in (*IDENTITY, "recommender") if before.get(part) != now[part]]
    different += [key for key in ("seed", "limit") if before["request"][key] != now["request"][key]]
    if different:
        raise RunError(f"{folder} holds a run that differs in {', '.join(different)}: it cannot be gone on with.")


def fresh(name: str, root: Path = Path("runs")) -> Path:
    """A new directory ``root/name-NNN``."""
    plain = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = root / f"{plain}-{number:03d}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
