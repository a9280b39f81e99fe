"""Bounds that scores must keep, in TOML::

    [gates.user_multiturn]
    SR = ">= 0.9"
    ET = "<= 0.05"

A bound is kept when the whole 95% interval keeps it: ``>=`` looks at its low end, ``<=`` at its high end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from interplay_bench.environment.errors import UsageError, unknown_name
from interplay_bench.environment.toml_and_json import from_toml
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.task import TASKS

_BOUND = re.compile(r"\s*(>=|<=)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a run keeps a gate, and a line that says by how much."""

    kept: bool
    text: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One bound on one metric."""

    metric: str
    sign: Literal[">=", "<="]
    bound: float

    def check(self, run: Run) -> Check:
        """Hold a finished run against the bound; a metric without a value does not keep it."""
        score = run.scores.get(self.metric)
        if score is None or score.value is None:
            return self._check(False, "this run has no such value")
        end, what = (score.low, "low") if self.sign == ">=" else (score.high, "high")
        at = score.value if end is None else end
        kept = at >= self.bound if self.sign == ">=" else at <= self.bound
        if end is None:
            return self._check(kept, f"it is {score.value:.4f}, without an interval to be sure of it")
        return self._check(kept, f"its interval's {what} end is {end:.4f} (it is {score.value:.4f}, n = {score.n})")

    def _check(self, kept: bool, why: str) -> Check:
        return Check(kept, f"{self.metric} {self.sign} {self.bound:g} {'kept' if kept else 'broken'}: {why}")


def read_gates(path: Path) -> dict[str, list[Gate]]:
    """Read the gates by task; whatever is misspelt in the file is a :class:`UsageError` that names it."""
    try:
        content = from_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"No gates file at {path}.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no valid TOML: {error}.") from None
    tasks = _only_table(content, path)
    known = TASKS.all()
    gates: dict[str, list[Gate]] = {}
    for task, bounds in tasks.items():
        if task not in known:
            raise unknown_name(f"task (in {path})", task, known)
        if not isinstance(bounds, dict):
            raise UsageError(f'{path}: gates are written as [gates.{task}] with lines like SR = ">= 0.9".')
        if not bounds:
            raise UsageError(f'{path}: [gates.{task}] holds no gate. Write below it a line like SR = ">= 0.9".')
        metrics = [metric.name for metric in known[task].all_metrics()]
        for metric in bounds:
            if metric not in metrics:
                raise unknown_name(f"metric of {task} (in {path})", metric, metrics)
        gates[task] = [_gate(path, metric, text) for metric, text in bounds.items()]
    return gates


def _only_table(content: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in content:
        if key != "gates":
            raise unknown_name(f"key (in {path})", key, ["gates"])
    tasks = content.get("gates")
    if not isinstance(tasks, dict) or not tasks:
        raise UsageError(f'{path} holds no gate. Write [gates.user_multiturn] and below it SR = ">= 0.9".')
    return tasks


def _gate(path: Path, metric: str, text: object) -> Gate:
    match = _BOUND.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UsageError(f'{path}: a bound is written {metric} = ">= 0.9" or "<= 0.9", not {text!r}.')
    return Gate(metric, ">=" if match[1] == ">=" else "<=", float(match[2]))
