"""The one function behind the command line, the pytest plugin and the library: :func:`evaluate`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interplay_bench import model as models
from interplay_bench import options, registry
from interplay_bench.adapter import Adapter, Browser
from interplay_bench.dataset import DialogueSet, Source, canonical
from interplay_bench.dialogue import Dialogue
from interplay_bench.errors import DataError, MisfitError, MissingDataError, RunError, UsageError
from interplay_bench.processes import Processes
from interplay_bench.progress import Progress, silent
from interplay_bench.provenance import machine, revision, versions
from interplay_bench.run import DRAFT, RECORD, SCHEMA, Run, read_record, write_record
from interplay_bench.sample_log import SampleLog, read_samples, windows
from interplay_bench.stock import Stock
from interplay_bench.task import Task, tally


@dataclass(frozen=True, slots=True)
class Request:
    """An evaluation as it is asked for.

    ``settings`` are the task's options as texts, and ``engine.*`` keys for the model's engine. ``limit``: only the
    first so many dialogues of the split. ``data``: a file, folder or hub id for the data set.
    """

    task: str
    model: str
    dataset: str = "sample"
    data: str | None = None
    split: str = "test"
    limit: int | None = None
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self, plugins: Sequence[Path] = ()) -> str:
        """The command that makes the same run, where ``plugins`` were loaded for it."""
        words = ["interplay-bench", "run", "--task", self.task, "--model", self.model, "--dataset", self.dataset]
        words += ["--data", self.data] if self.data is not None else []
        words += ["--split", self.split]
        words += ["--limit", str(self.limit)] if self.limit is not None else []
        words += ["--seed", str(self.seed)] if self.seed else []
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        for plugin in plugins:
            words += ["--plugin", str(plugin)]
        return shlex.join(words)


def evaluate(
    task: str,
    model: str | Adapter,
    dataset: str | DialogueSet = "sample",
    *,
    data: str | None = None,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    settings: Mapping[str, str] | None = None,
    output: Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
) -> Run:
    """Evaluate ``model`` on ``task`` over the dialogues of ``dataset`` and keep everything in a run directory.

    ``output`` is that directory (default: a new one under ``runs/``). With ``resume`` an interrupted run goes on
    where it stopped, with the same result as an undisturbed one. Raises an :class:`InterplayError` with a one-line
    mend for everything that a caller can get wrong.
    """
    if seed < 0:
        raise UsageError(f"The seed must be at least 0, not {seed}.")
    given = dict(settings or {})
    engine = options.engine(given)
    evaluation = registry.find_task(task).from_settings(_task_options(given), seed)
    # Names, then the folder, then the data, then the weights: the cheapest mistake is found first.
    found = models.Given(model) if isinstance(model, Adapter) else models.find(model, engine)
    with _kept_in(output):
        _check(output, resume, Processes.here())
    source = dataset if isinstance(dataset, DialogueSet) else load(dataset, data, split)
    dialogues = first(source.dialogues, limit)
    stock = stock_of(source, data)
    evaluation.prepare(stock)
    built = found.build(seed)
    request = Request(task, built.name, source.name, data, split, limit, seed, given)
    if evaluation.role not in built.adapter.roles:
        raise MisfitError(f"The task {task!r} evaluates a {evaluation.role}, which the model {built.name!r} is not.")
    evaluation.check(built.adapter)
    if isinstance(built.adapter, Browser):
        built.adapter.browse(stock)
    partners = evaluation.partners()
    record = {
        "schema": SCHEMA,
        "status": "running",
        "task": {
            "name": task,
            "version": evaluation.version,
            "options": asdict(evaluation.options),
            **({"partners": partners} if partners else {}),
        },
        "model": built.record(),
        "dataset": {
            "name": source.name,
            "split": split,
            "synthetic": source.synthetic,
            "fingerprint": source.fingerprint,
            "dialogues": len(dialogues),
            "preprocessing": source.preprocessing.to_json(),
        },
        "request": asdict(request),
        "command": request.command(registry.plugins()),
        "versions": versions(),
        "git": revision(),
        "machine": machine(),
    }
    try:
        return _work(evaluation, built.adapter, dialogues, record, output, progress)
    finally:
        built.adapter.close()


def load(dataset: str, data: str | None = None, split: str = "test") -> DialogueSet:
    """Read a registered data set; an unknown split or an empty result is an error."""
    entry = registry.find_dataset(dataset)
    if split not in entry.splits:
        raise UsageError(f"The data set {dataset!r} has no split {split!r}. Available: {', '.join(entry.splits)}.")
    found = entry.loader(Source(data, split))
    if not isinstance(found, DialogueSet):
        raise DataError(f"The loader of {dataset!r} returns a {type(found).__name__}, where a DialogueSet is needed.")
    if not found.dialogues:
        raise DataError(f"The data set {dataset!r} has no dialogues left: {found.preprocessing.to_json()}.")
    return found


def stock_of(source: DialogueSet, data: str | None = None) -> Stock:
    """What there is to recommend in ``source``; its train split is looked for where ``data`` says, or beside it."""

    def read_train() -> DialogueSet | None:
        entry = registry.datasets().get(source.name)
        if entry is None or "train" not in entry.splits:
            return None
        path = Source(data).path
        place = str(path.parent) if path is not None and path.is_file() else data
        try:
            return load(source.name, place, "train")
        except MissingDataError:
            return None

    return Stock(source, read_train)


def _work(
    task: Task[Any, Any],
    adapter: Adapter,
    dialogues: Sequence[Dialogue],
    record: dict[str, Any],
    output: Path | None,
    progress: Progress,
) -> Run:
    processes = Processes.here()
    plan = windows(len(dialogues), adapter.window)
    started = time.monotonic()
    with _kept_in(output):
        folder = _folder(record, output) if processes.first or output is None else output
        log = SampleLog(folder, processes.rank, processes.world)
        if processes.first:
            write_record(folder, record)  # before the samples: without a record, they would be nobody's
            log.recover(plan)
    processes.wait()
    done = log.done()
    todo = [window for window in plan if window[0] not in done]
    try:
        with progress(f"{record['task']['name']} · {record['model']['name']}", len(dialogues), len(done)) as advance:
            for window in todo[processes.rank :: processes.world]:
                log.append(window, task.evaluate(adapter, [dialogues[i] for i in window]))
                advance(len(window))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"--output {shlex.quote(str(folder))} --resume goes on from here") from None
    processes.wait()
    if processes.first:
        log.merge()
        record["usage"] = dict(adapter.usage())
        record |= _outcome(task, folder, len(dialogues), time.monotonic() - started, len(dialogues) - len(done))
        write_record(folder, record)
    processes.wait()
    return Run.load(folder)


def _outcome(task: Task[Any, Any], folder: Path, total: int, seconds: float, worked: int) -> dict[str, Any]:
    samples = read_samples(folder)
    task.draw(samples, folder)
    ledger = tally(samples)
    if sum(ledger["outcomes"].values()) != total:
        raise RunError(f"The ledger of {folder} holds {len(samples)} of {total} dialogues: please report this.")
    return {
        "status": "complete",
        "metrics": {score.name: score.to_json() for score in task.scores(samples)},
        "ledger": ledger,
        "timing": {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "dialogues": worked,
            "dialogues_per_second": round(worked / seconds, 3) if seconds else None,
        },
    }


IDENTITY = ("task", "model", "dataset", "versions")
"""The parts of a record that must be equal for a run to be resumed: everything that can change an output."""


@contextmanager
def _kept_in(output: Path | None) -> Iterator[None]:
    """What the operating system has against the run's folder, as a :class:`RunError`."""
    try:
        yield
    except OSError as error:
        where = Path("runs") if output is None else output
        raise RunError(f"The run cannot be kept in {where} ({error.strerror}): choose another --output.") from error


def _check(output: Path | None, resume: bool, processes: Processes) -> None:
    """Raise where the run could not be kept, before anything is loaded; an existing one only goes on when asked to."""
    if output is None:
        if resume:
            raise UsageError("--resume needs --output: the directory of the run to go on with.")
        if processes.world > 1:
            raise UsageError("With several processes, say where the run goes: --output DIR.")
    elif processes.first:  # which may have begun by the time the others come here
        if (output / RECORD).is_file():
            if not resume:
                raise RunError(
                    f"{output} already holds a run. Add --resume to go on with it, or choose another --output."
                )
        elif output.exists() and _foreign(output):
            raise RunError(f"{output} exists and is no run directory. Choose another --output.")


def _foreign(folder: Path) -> bool:
    """Whether there is anything but the draft of a record, which a run killed at its very start leaves."""
    return not folder.is_dir() or any(file.name != DRAFT for file in folder.iterdir())


def _folder(record: dict[str, Any], output: Path | None) -> Path:
    """The run directory, made, or found to hold the same run."""
    if output is None:
        name = f"{record['dataset']['name']}-{record['task']['name']}-{record['model']['name']}"
        return fresh(name)
    if (output / RECORD).is_file():
        _same(read_record(output), record, output)
    output.mkdir(parents=True, exist_ok=True)
    return output


def _same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    # What was read from JSON has lists where this process has tuples: compare both as JSON.
    different = [part for part in IDENTITY if canonical(before.get(part, {})) != canonical(now[part])]
    different += [key for key in ("seed", "limit") if before["request"].get(key) != now["request"][key]]
    if different:
        raise RunError(f"{folder} holds a run that differs in {', '.join(different)}: it cannot be gone on with.")


def fresh(name: str, root: Path = Path("runs")) -> Path:
    """A new directory ``root/name-NNN``."""
    plain = "".join(c if c.isalnum() or c in "-._" else "_" for c in name[-120:])
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


def first(dialogues: Sequence[Dialogue], limit: int | None) -> Sequence[Dialogue]:
    """The first ``limit`` dialogues, or all of them; a limit below 1 is an error."""
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be at least 1, not {limit}.")
    return dialogues[:limit]


def _task_options(settings: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in settings.items() if not key.startswith(options.ENGINE)}
