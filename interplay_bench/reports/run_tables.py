"""Runs as tables: one table per task, data set and metric signatures; they never mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interplay_bench.evaluation.metric import EMPTY, Metric
from interplay_bench.evaluation.rank_intervals import rank_intervals
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_record import DatasetRecord
from interplay_bench.evaluation.task import TASKS
from interplay_bench.reports.score_text import NOTHING, cell, data_heading, heading

FEW = 10
"""Below so many users an interval by users is wide, and tests that resample users have little to draw from."""

NOTE = "95% intervals in brackets; ↑ higher is better, ↓ lower is better; * is told the target."


RANKED = (
    "Ranks: between which places a model may lie, by paired tests of all pairs (Holm, 5%). Controls, and what is told "
    "the target, have none."
)


@dataclass(frozen=True, slots=True)
class RunTable:
    """Runs that may be compared, a row each. The first column names the model, the last is the ledger.

    ``notes``: what the columns mean, why a cell is empty, and what was left out.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def run_tables(runs: Sequence[Run], *, every: bool = False, ranks: str | None = None) -> list[RunTable]:
    """The runs' scores with intervals and their ledgers; ``every`` metric, or only the main ones of each task.

    ``ranks``: a metric by which the models are also ranked, where the table has it.
    """
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(_group(run), []).append(run)
    return [_table(group, every, ranks) for group in groups.values()]


def _group(run: Run) -> tuple[object, ...]:
    """What runs must share to stand in one table."""
    record = run.record
    signatures = tuple(sorted(score.signature for score in run.scores.values() if score.name != "decision AUC"))
    return (record.task.name, record.dataset.name, record.dataset.fingerprint, signatures)


def _table(runs: Sequence[Run], every: bool, ranks: str | None) -> RunTable:
    record = runs[0].record
    declared = _declared(record.task.name)
    directions = {name: score.direction for run in reversed(runs) for name, score in run.scores.items()}
    names = list(dict.fromkeys(name for run in runs for name in run.scores))
    main = [name for name in names if name not in declared or declared[name].main]
    shown = [*main, *(name for name in names if name not in main)] if every or not main else main
    hidden = [name for name in names if name not in shown]
    ranked = _ranks(runs, ranks) if ranks in names else None
    rows = [
        (model_name(run), *((rank,) if ranked else ()), *(cell(run.scores.get(name)) for name in shown), _ledger(run))
        for run, rank in zip(runs, ranked or [""] * len(runs), strict=True)
    ]
    headers = (
        "model", *((f"rank by {ranks}",) if ranked else ()), *(heading(name, directions[name]) for name in shown),
        "ledger",
    )  # fmt: skip
    title = f"{record.task.name} on {data_heading(record.dataset)}: {record.dataset.dialogues} dialogues"
    meanings = [f"{name}: {declared[name].summary}." for name in shown if name in declared]
    notes = [" ".join(meanings), *_why_empty(runs, shown, declared), NOTE, _few_users(record.dataset)]
    notes += [RANKED] if ranked else []
    notes += [f"--all shows {len(hidden)} more: {', '.join(hidden)}."] if hidden else []
    return RunTable(title, headers, tuple(rows), tuple(filter(None, notes)))


def _few_users(data: DatasetRecord) -> str:
    """A warning where several dialogues each are of few users."""
    if data.users is None or data.users >= FEW or data.users == data.dialogues:
        return ""
    return f"Of {data.users} users alone: below {FEW}, intervals are rough, and tests of anything but rates have no p."


def _ranks(runs: Sequence[Run], metric: str | None) -> list[str]:
    """Between which ranks each model may lie; nothing for controls, what is told the target, and unfinished runs."""
    contend = [run for run in runs if run.complete and not (run.record.model.control or run.record.told())]
    if metric is None or not contend:
        return [NOTHING] * len(runs)
    found = dict(zip([run.folder for run in contend], rank_intervals(contend, metric), strict=True))
    shown = {folder: str(first) if first == last else f"{first}–{last}" for folder, (first, last) in found.items()}
    return [shown.get(run.folder, NOTHING) for run in runs]


def _declared(task: str) -> dict[str, Metric]:
    """The task's metrics by name, the first of each; none of a task that is no longer there."""
    known = TASKS.all().get(task)
    found: dict[str, Metric] = {}
    for metric in known.all_metrics() if known is not None else ():
        found.setdefault(metric.name, metric)
    return found


def _why_empty(runs: Sequence[Run], shown: Sequence[str], declared: dict[str, Metric]) -> list[str]:
    """A line for each metric that some runs have no value of, and for runs that are not finished."""
    complete = [run for run in runs if run.complete]
    lines = []
    for name in shown:
        without = [model_name(run) for run in complete if cell(run.scores.get(name)) == NOTHING]
        if without:
            who = "" if len(without) == len(complete) else f" for {', '.join(without)}"
            why = declared[name].empty if name in declared else EMPTY
            lines.append(f"No {name}{who}: {why}.")
    unfinished = [str(run.folder) for run in runs if not run.complete]
    return [*lines, *([f"Not finished, --resume goes on: {', '.join(unfinished)}."] if unfinished else [])]


def model_name(run: Run) -> str:
    """Who was evaluated, starred where it is told the target."""
    return run.players(" *") + ("" if run.complete else " (incomplete)")


def _ledger(run: Run) -> str:
    ledger = run.record.ledger
    if ledger is None:
        return NOTHING
    troubles = ("malformed", "refused", "cut", "too_long")
    extras = {name: count for name, count in ledger.counts.items() if count and name.endswith(troubles)}
    return ", ".join(f"{name} {count}" for name, count in {**ledger.outcomes, **extras}.items())
