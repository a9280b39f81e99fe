"""From the shards of a run to the run: the same samples, scores and ledger as of one that was not shared."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from interplay_bench.environment.errors import RunError
from interplay_bench.environment.processes import Processes
from interplay_bench.evaluation.run import Run, write_record
from interplay_bench.evaluation.run_directory import check_output, hold
from interplay_bench.evaluation.run_loop import outcome_of
from interplay_bench.evaluation.run_record import RunRecord, differences
from interplay_bench.evaluation.sample_log import SampleLog, read_samples
from interplay_bench.evaluation.shard import Shard


def merge(folders: Sequence[Path], output: Path | None = None) -> Run:
    """Put the shards in ``folders`` together in ``output`` (default: a new directory under ``runs/``).

    Raises :class:`RunError` where one is missing, unfinished, there twice, or of another run.
    """
    processes = Processes.here()
    check_output(output, False, processes)
    shards = [Run.load(folder) for folder in folders]
    _check(shards)
    record = shards[0].record.model_copy(update={"status": "running", "shard": None, "usage": None, "timing": None})
    with hold(output, record, False, processes) as folder:
        write_record(folder, record)
        SampleLog(folder).gather([shard.folder for shard in shards])
        samples = read_samples(folder)
        if len(samples) != record.dataset.dialogues:
            raise RunError(
                f"The shards hold {len(samples)} of {record.dataset.dialogues} dialogues: finish each with --resume."
            )
        seconds = sum(shard.record.timing.seconds for shard in shards if shard.record.timing)
        outcome = outcome_of(Run(folder, record).task(), record, folder, samples, len(samples), seconds)
        write_record(folder, RunRecord.parse({**record.to_json(), **outcome, "usage": _usage(shards)}))
    return Run.load(folder)


def _check(shards: Sequence[Run]) -> None:
    """Raise unless these are all the shards of one run, each once and finished."""
    numbers: dict[Shard, Path] = {}
    for run in shards:
        if run.record.shard is None:
            raise RunError(f"{run.folder} holds no shard of a run (run --shard I/N): leave it out.")
        shard = Shard.parse(run.record.shard)
        if run.record.status != "shard":
            raise RunError(f"The shard {shard} in {run.folder} is not finished: resume it with {_again(run)}.")
        if shard in numbers:
            raise RunError(f"The shard {shard} is there twice: {numbers[shard]} and {run.folder}. Leave one out.")
        numbers[shard] = run.folder
    counts = sorted({shard.count for shard in numbers})
    if len(counts) > 1:
        raise RunError(
            f"These are shards of runs cut into {' and '.join(map(str, counts))}: merge one run's at a time."
        )
    missing = [str(Shard(n, counts[0])) for n in range(1, counts[0] + 1) if Shard(n, counts[0]) not in numbers]
    if missing:
        raise RunError(f"Shards are missing: {', '.join(missing)}. Name the directories of all {counts[0]}.")
    for one, other in pairwise(shards):
        found = differences(one.record, other.record.model_copy(update={"shard": one.record.shard}))
        if found:
            raise RunError(
                f"{one.folder} and {other.folder} hold different runs: they differ in {', '.join(found[:3])}."
            )


def _again(run: Run) -> str:
    return f"--shard {run.record.shard} --output {shlex.quote(str(run.folder))} --resume"


def _usage(shards: Sequence[Run]) -> dict[str, Any]:
    """What the models did in all shards together."""
    total: Counter[str] = Counter()
    for shard in shards:
        total.update({key: n for key, n in (shard.record.usage or {}).items() if isinstance(n, int)})
    return dict(total)
