"""Speed in pytest-benchmark's storage, where that plugin is present.

A cell is one round of as many iterations as it has dialogues: its times are seconds per dialogue and its OPS are
dialogues per second, which ``--benchmark-compare`` can compare whatever ``--interplay-limit`` was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from interplay_bench.evaluation.run import Run
    from interplay_bench.pytest_plugin.stopwatch import Stopwatch

COUNTED = {"decisions": "decisions/s", "tokens_written": "tokens/s"}
"""Counts of a run's ledger that are told per second."""


@dataclass(frozen=True, slots=True)
class StoredCell:
    """What pytest-benchmark wants to know of its fixture."""

    name: str
    fullname: str
    group: str
    param: str
    params: dict[str, str]
    extra_info: dict[str, float]
    cprofile_stats: None = None
    has_error: bool = False


def session(config: pytest.Config) -> Any:
    """pytest-benchmark's session; ``None`` without that plugin."""
    return config.pluginmanager.get_plugin("pytest-benchmark")


def record(item: pytest.Item, task: str, model: str, run: Run, watch: Stopwatch) -> None:
    """Add the finished cell of a task and a model; one that was resumed has no time to tell."""
    benchmarks = session(item.config)
    if benchmarks is None or benchmarks.disabled or watch.resumed or not watch.dialogues:
        return
    from pytest_benchmark.stats import Metadata

    cell = StoredCell(item.name, item.nodeid, task, model, {"task": task, "model": model}, _rates(run, watch))
    entry = Metadata(cell, iterations=watch.dialogues, options={})
    entry.update(watch.seconds)
    benchmarks.benchmarks.append(entry)


def _rates(run: Run, watch: Stopwatch) -> dict[str, float]:
    counts = run.record.ledger.counts if run.record.ledger else {}
    totals = {"dialogues/s": watch.dialogues, **{COUNTED[key]: counts[key] for key in COUNTED if key in counts}}
    return {name: total / watch.seconds for name, total in totals.items()}
