"""A simulation's numbers for the terminal."""

from __future__ import annotations

from typing import TypeVar

from interplay_bench.environment.errors import RunError
from interplay_bench.evaluation.run import Run
from interplay_bench.reports.score_text import data_heading, heading, interval, value
from interplay_bench.simulation.transitions import render_transitions


def render(run: Run) -> str:
    """Title, metrics, ledger and the matrix of actions."""
    from tabulate import tabulate

    record = run.record
    ledger, matrix = run.ledger, required(record.transitions)
    title = f"{run.players()} on {data_heading(record.dataset)}: {record.dataset.dialogues} dialogues"
    scores = run.scores.values()
    rows = [[heading(score.name, score.direction), value(score), interval(score), score.n] for score in scores]
    table = tabulate(rows, ["metric", "value", "95% interval", "n"], tablefmt="simple", disable_numparse=True)
    ends = ", ".join(f"{name} {count}" for name, count in ledger.outcomes.items())
    counts = ", ".join(f"{name} {count}" for name, count in ledger.counts.items() if count)
    return f"{title}\n\n{table}\n\nended: {ends}\ncounted: {counts}\n\n{render_transitions(matrix)}"


T = TypeVar("T")


def required(part: T | None) -> T:
    """A part of the record that every finished simulation has; a :class:`RunError` in any other run."""
    if part is None:
        raise RunError("This is no finished simulation: finish it with --resume, or simulate anew.")
    return part
