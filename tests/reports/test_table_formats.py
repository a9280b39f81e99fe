"""Tables of runs: what they say, and that they fit."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.grid import Grid
from interplay_bench.evaluation.rank_intervals import rank_intervals
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.suite import DataRequest, run_suite
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.reports.table_formats import render_runs


@pytest.fixture(scope="module")
def runs(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    load_plugin(toy)
    grid = Grid.of(["user_multiturn", "turns"], ["oracle", "likes-dune"], {})
    return run_suite(grid, DataRequest("toy"), tmp_path_factory.mktemp("runs")).runs


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_fits_and_names_the_models_in_every_block(runs: list[Run], width: int) -> None:
    text = render_runs(runs, width=width)
    assert max(map(len, text.splitlines())) <= width
    blocks = [block for block in text.split("\n\n") if block.startswith("model")]
    assert all("oracle *" in block and "likes-dune" in block for block in blocks)
    assert sum(block.count("SR ↑") for block in blocks) == 1


def test_main_metrics_first_the_rest_on_request_and_all_explained(runs: list[Run]) -> None:
    text = " ".join(render_runs(runs[:1]).split())
    assert "SR: success rate, the target is accepted. ET: early termination" in text
    assert "--all shows" in text
    assert "agreement with people ↑" not in text
    assert "agreement with people ↑" in render_runs(runs[:1], every=True)


def test_a_dash_says_why(runs: list[Run]) -> None:
    text = " ".join(render_runs(runs, every=True).split())
    assert "No decision AUC for oracle *: no probabilities of acceptance" in text


def test_csv_and_json_have_a_row_for_each_run_and_metric(runs: list[Run]) -> None:
    rows = json.loads(render_runs(runs, "json"))
    assert len(rows) == sum(len(run.scores) for run in runs)
    sr = next(row for row in rows if (row["model"], row["metric"]) == ("oracle", "SR"))
    assert (sr["value"], sr["count"], sr["total"], sr["told"]) == (1.0, 8, 8, True)
    table = list(csv.DictReader(io.StringIO(render_runs(runs, "csv"))))
    assert [row["metric"] for row in table] == [row["metric"] for row in rows]
    assert [float(row["value"]) for row in table if row["value"]] == [
        r["value"] for r in rows if r["value"] is not None
    ]


@pytest.mark.parametrize(
    ("form", "words"),
    [("markdown", r"| oracle \*"), ("latex", r"\toprule"), ("html", "<td>oracle *"), ("latex", r"user\_multiturn")],
)
def test_mark_up(runs: list[Run], form: str, words: str) -> None:
    text = render_runs(runs, form)
    assert words in text or (form == "latex" and "user_multiturn" in text)


@pytest.mark.slow
def test_ranks_are_shared_by_what_no_test_tells_apart(toy: Path, tmp_path: Path) -> None:
    load_plugin(toy)
    names = ["accept-first", "likes-dune", "slow", "oracle"]
    found = run_suite(Grid.of(["user_multiturn"], names, {}), DataRequest("toy", "84"), tmp_path).runs
    intervals = dict(zip(names, rank_intervals(found[:3], "SR"), strict=False))
    assert intervals == {"accept-first": (3, 3), "likes-dune": (1, 2), "slow": (1, 2)}
    text = render_runs(found, ranks="SR", width=200)
    assert "rank by SR" in text
    assert re.search(r"^likes-dune +1–2 ", text, re.M)
    assert re.search(r"^oracle \* +- ", text, re.M)
    with pytest.raises(UsageError, match="neither way is better"):
        rank_intervals(found[:2], "ET")
