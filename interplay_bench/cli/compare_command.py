"""``interplay-bench compare``: is the second run better than the first?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.cli import options
from interplay_bench.cli.printing import say

if TYPE_CHECKING:
    from interplay_bench.evaluation.run import Run
    from interplay_bench.evaluation.run_comparison import Difference


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("a", metavar="RUN_A", type=Path, help="a finished run's directory")
    parser.add_argument("b", metavar="RUN_B", type=Path, help="another, over the same data; the effect is B minus A")
    options.add_plugin(parser)
    parser.add_argument("--json", action="store_true", help="print the comparison as one JSON object")


def execute(parsed: argparse.Namespace) -> int:
    """Print the table or the JSON object."""
    from interplay_bench.evaluation.run import Run
    from interplay_bench.evaluation.run_comparison import compare
    from interplay_bench.plugins.plugin_file import load_plugin

    for plugin in parsed.plugin:
        load_plugin(plugin)
    a, b = Run.load(parsed.a), Run.load(parsed.b)
    differences = compare(a, b)
    say(_json(a, b, differences) if parsed.json else _report(a, b, differences))
    return 0


def _json(a: Run, b: Run, differences: Mapping[str, Difference]) -> str:
    record = {
        "a": {"run": str(a.folder), **_names(a)},
        "b": {"run": str(b.folder), **_names(b)},
        "task": a.record.task.name,
        "dataset": a.record.dataset.model_dump(include={"name", "split", "synthetic", "fingerprint"}),
        "metrics": {name: difference.to_json() for name, difference in differences.items()},
        "not_compared": _left_out(a, b, differences),
    }
    return json.dumps(record)


def _report(a: Run, b: Run, differences: Mapping[str, Difference]) -> str:
    from interplay_bench.metrics.paired_tests import ENOUGH
    from interplay_bench.reports.score_text import data_heading

    record = a.record
    lines = [f"{record.task.name} on {data_heading(record.dataset)}, paired by dialogue", ""]
    lines += [f"{letter}: {run.players()}   {run.folder}" for letter, run in (("A", a), ("B", b))]
    lines += ["", _table(differences) if differences else "No metric of this task can be compared."]
    notes = ["", "Intervals: 95%, by user. p (Holm): over all metrics of the table; * below 0.05."]
    if any(difference.found.too_few for difference in differences.values()):
        notes.append(f"Intervals, and the p of what is no rate, resample users: they take at least {ENOUGH}.")
    alone = [d.alone for d in differences.values() if any(d.alone)]
    if alone:
        only_a, only_b = max(alone)
        notes.append(f"Left out, having no partner in the other run: up to {only_a} of A's values and {only_b} of B's.")
    left_out = _left_out(a, b, differences)
    notes += [f"Not compared: {', '.join(left_out)}."] if left_out else []
    return "\n".join(lines + notes)


def _table(differences: Mapping[str, Difference]) -> str:
    from tabulate import tabulate

    rows = [_row(name, difference) for name, difference in differences.items()]
    headers = ["metric", "A", "B", "B - A", "95% interval", "p", "p (Holm)", "", "pairs", "test"]
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)


def _row(name: str, difference: Difference) -> list[str]:
    from interplay_bench.reports.score_text import heading, number, p_value

    found = difference.found
    bounds = "-" if found.low is None or found.high is None else f"[{found.low:+.4f}, {found.high:+.4f}]"
    return [
        heading(name, difference.a.direction),
        number(difference.a.value),
        number(difference.b.value),
        f"{found.effect:+.4f}",
        bounds,
        f"too few users: {found.users}" if found.p is None and found.too_few else p_value(found.p),
        p_value(difference.holm),
        "*" if difference.significant else "",
        str(found.n),
        found.test,
    ]


def _names(run: Run) -> dict[str, str]:
    return {side: record.name for side, record in run.sides.items()}


def _left_out(a: Run, b: Run, differences: Mapping[str, Difference]) -> list[str]:
    return [name for name in {**a.scores, **b.scores} if name not in differences]
