"""The tables at the end of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interplay_bench.environment.terminal import printable
from interplay_bench.evaluation.run import Run
from interplay_bench.pytest_plugin.items import GATE, RUN
from interplay_bench.pytest_plugin.suite import Suite
from interplay_bench.reports.table_formats import render_runs


def summarize(reporter: pytest.TerminalReporter, suite: Suite) -> None:
    """Print the tables of all runs, wherever they were made (xdist), and how the gates fared."""
    reports = list(_reports(reporter))
    folders = {Path(str(value)) for report in reports for key, value in report.user_properties if key == RUN}
    if not folders:
        return
    runs = sorted((Run.load(folder) for folder in folders), key=lambda run: _place(run, suite))
    reporter.section("interplay-bench")
    reporter.write_line(printable(render_runs(runs)))
    gates = {
        f"{report.nodeid.rpartition('::')[2]}: {text}": None
        for report in reports
        for key, text in report.user_properties
        if key == GATE
    }
    reporter.write_line(printable("\n".join(["", "Kept in:", *(f"  {run.folder}" for run in runs)])))
    if gates:
        reporter.write_line(printable("\n".join(["", "Gates:", *(f"  {line}" for line in sorted(gates))])))


def missed_gates(reporter: pytest.TerminalReporter, suite: Suite) -> list[str]:
    """The tasks that have gates, and no run that a gate was held against."""
    held = {
        report.nodeid.rpartition("::")[2].partition("[")[0]
        for report in _reports(reporter)
        if any(key == GATE for key, _ in report.user_properties)
    }
    return sorted(task for task, gates in suite.gates.items() if gates and task not in held)


def _reports(reporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                yield report


def _place(run: Run, suite: Suite) -> tuple[str, int]:
    return run.record.task.name, suite.models.index(run.record.request.model)
