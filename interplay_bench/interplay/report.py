"""A simulation's numbers for the terminal."""

from __future__ import annotations

from interplay_bench.interplay.transitions import render_transitions
from interplay_bench.results import Score
from interplay_bench.run import Run


def render(run: Run) -> str:
    """Title, metrics, ledger and the matrix of actions."""
    from tabulate import tabulate

    data, ledger = run.record["dataset"], run.record["ledger"]
    synthetic = ", synthetic" if data["synthetic"] else ""
    title = f"{run.players()} on {data['name']}/{data['split']}{synthetic}: {data['dialogues']} dialogues"
    rows = [[name + arrow(score), value(score), interval(score), score.n] for name, score in run.scores.items()]
    table = tabulate(rows, ["metric", "value", "95% interval", "n"], tablefmt="simple", disable_numparse=True)
    ends = ", ".join(f"{name} {count}" for name, count in ledger["outcomes"].items())
    counts = ", ".join(f"{name} {count}" for name, count in ledger["counts"].items() if count)
    matrix = render_transitions(run.record["transitions"])
    return f"{title}\n\n{table}\n\nended: {ends}\ncounted: {counts}\n\n{matrix}"


def arrow(score: Score) -> str:
    """Which way is better."""
    return {"higher": " ↑", "lower": " ↓", None: ""}[score.direction]


def value(score: Score | None) -> str:
    """The value, with the integers behind a rate."""
    if score is None or score.value is None:
        return "-"
    shown = f"{score.value:.4f}" if abs(score.value) < 10 else f"{score.value:.2f}"
    return shown + (f" {score.count}/{score.total}" if score.count is not None else "")


def interval(score: Score) -> str:
    """The interval, where there is one."""
    if score.low is None or score.high is None:
        return "-"
    digits = 3 if abs(score.value or 0) < 10 else 1
    return f"[{score.low:.{digits}f}, {score.high:.{digits}f}]"
