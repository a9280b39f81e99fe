"""Runs as tables for the terminal: one table per task, data set and metric signatures; they never mix."""

from __future__ import annotations

from collections.abc import Sequence

from interplay_bench.results import Score
from interplay_bench.run import Run


def render_runs(runs: Sequence[Run]) -> str:
    """The runs' scores with intervals, a row per run, and their ledgers."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(_group(run), []).append(run)
    return "\n\n".join(_table(group) for group in groups.values())


def _group(run: Run) -> tuple[object, ...]:
    """What runs must share to stand in one table."""
    record = run.record
    signatures = tuple(sorted(score.signature for score in run.scores.values() if score.name != "decision AUC"))
    return (record["task"]["name"], record["dataset"]["name"], record["dataset"]["fingerprint"], signatures)


def _table(runs: Sequence[Run]) -> str:
    from tabulate import tabulate

    record = runs[0].record
    names = list(dict.fromkeys(name for run in runs for name in run.scores))
    rows = [[_model(run), *(_cell(run.scores.get(name)) for name in names), _ledger(run)] for run in runs]
    headers = ["model", *(_header(runs, name) for name in names), "ledger"]
    data = record["dataset"]
    synthetic = ", synthetic" if data["synthetic"] else ""
    title = f"{record['task']['name']} on {data['name']}/{data['split']}{synthetic}: {data['dialogues']} dialogues"
    note = "95% intervals in brackets; ↑ higher is better, ↓ lower is better; * is told the target."
    table = tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=["left"] * len(headers))
    return f"{title}\n\n{table}\n\n{note}"


def _model(run: Run) -> str:
    return run.players(" *") + ("" if run.complete else " (incomplete)")


def _header(runs: Sequence[Run], name: str) -> str:
    direction = next(run.scores[name].direction for run in runs if name in run.scores)
    return name + {"higher": " ↑", "lower": " ↓", None: ""}[direction]


def _cell(score: Score | None) -> str:
    if score is None or score.value is None:
        return "-"
    value = f"{score.value:.4f}" if abs(score.value) < 10 else f"{score.value:.2f}"
    if score.low is not None and score.high is not None:
        digits = 3 if abs(score.value) < 10 else 1
        value += f" [{score.low:.{digits}f}, {score.high:.{digits}f}]"
    if score.count is not None:
        value += f" {score.count}/{score.total}"
    return value


def _ledger(run: Run) -> str:
    ledger = run.record.get("ledger")
    if ledger is None:
        return "-"
    troubles = ("malformed", "refused", "cut", "too_long")
    extras = {name: count for name, count in ledger["counts"].items() if count and name.endswith(troubles)}
    return ", ".join(f"{name} {count}" for name, count in {**ledger["outcomes"], **extras}.items())
