"""What stands in which table, and what is marked there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from interplay_bench.metrics.rates import wilson

if TYPE_CHECKING:
    from tests.leaderboard.conftest import Cells, Shelf


def models(table: dict[str, Any]) -> list[str]:
    return [row["model"] for row in table["rows"]]


def test_both_halves_of_table_1_stand_in_one_row(shelf: Shelf, cells: Cells) -> None:
    shelf.add("mine", shelf.multiturn(90, 5))
    shelf.add("mine", shelf.singleturn(0.93, 0.4, 30.5))
    (table,) = shelf.tables()
    assert [column["metric"] for column in table["columns"]] == ["SR", "ET", "FR", "BERTScore", "Dist-4", "words"]
    found = cells(table, "mine")
    assert found["SR"]["count"] == 90
    assert found["words"]["n"] == 400


@pytest.mark.parametrize(
    "change",
    [
        {"dataset__name": "sample"},
        {"dataset__fingerprint": "sha256:beef"},
        {"dataset__split": "valid"},
        {"dataset__dialogues": 50, "request__limit": 50},
    ],
)
def test_other_data_is_another_table(shelf: Shelf, change: dict[str, Any]) -> None:
    shelf.add("a", shelf.multiturn(90, 5))
    shelf.add("b", shelf.multiturn(80, 5), **change)
    assert sorted(models(table) for table in shelf.tables()) == [["a"], ["b"]]


def test_signatures_never_mix(shelf: Shelf) -> None:
    shelf.add("a", shelf.multiturn(90, 5))
    shelf.add("b", shelf.multiturn(80, 5, history="self"))
    shelf.add("c", shelf.singleturn(0.9, 0.4, 30, n=400))
    shelf.add("d", shelf.singleturn(0.9, 0.4, 30, n=399))
    tables = shelf.tables()
    for table in tables:
        signatures = {(column["metric"], column["signature"]) for column in table["columns"]}
        assert len(signatures) == len({metric for metric, _ in signatures})
    assert sorted(model for table in tables for model in models(table)) == ["a", "b", "c", "d"]


def test_a_second_table_says_how_it_was_set(shelf: Shelf) -> None:
    shelf.add("a", shelf.multiturn(90, 5), task__options={"history": "gold", "decide": "score"})
    shelf.add("b", shelf.multiturn(80, 5, history="self"), task__options={"history": "self", "decide": "score"})
    shelf.render()
    first, second = re.findall(r"^## (User simulators on redial.*)$", shelf.text(), re.MULTILINE)
    assert "(" not in first
    assert second.endswith("(history=self)")


def test_a_metric_that_only_some_have_does_not_tear_them_apart(shelf: Shelf, cells: Cells) -> None:
    extra = {
        "name": "decision AUC", "value": 0.7, "n": 80, "signature": "auc|v:1", "low": 0.6, "high": 0.8,
        "direction": "higher",
    }  # fmt: skip
    shelf.add("mine", {**shelf.multiturn(90, 5), "decision AUC": extra})
    shelf.control("accept-first", shelf.multiturn(50, 50))
    table, beyond = shelf.tables()
    assert models(table) == ["mine", "accept-first"]
    assert cells(beyond, "mine")["decision AUC"]["value"] == 0.7


def test_what_the_papers_columns_leave_out_has_a_table_of_its_own_after_them(shelf: Shelf, cells: Cells) -> None:
    for model, hits, share in (("weak", 3, 9), ("strong", 40, 5), ("plain", 20, None)):
        metrics = shelf.recommending(hits, 0.9)
        metrics["unknown"] = {**metrics["words"], "name": "unknown", "value": None, "signature": "unknown"}
        metrics["coverage"] |= {"value": (share or 0) / 10, "count": (share or 0) * 10}
        if share is None:
            del metrics["coverage"]
        shelf.add(model, metrics)
    shelf.add("usersim", shelf.multiturn(90, 5))
    _, table, beyond = shelf.tables()
    assert [column["metric"] for column in table["columns"]] == ["Recall@1", "Match Score", "Dist-4", "words"]
    assert models(table) == ["strong", "plain", "weak"]
    assert (beyond["id"], beyond["scope"]) == (f"{table['id']}-beyond", "beyond")
    assert [column["metric"] for column in beyond["columns"]] == ["coverage"]
    assert models(beyond) == ["strong", "weak"]
    assert [cells(beyond, model)["coverage"].get("best") for model in models(beyond)] == [None, True]
    heading = "Recommenders on redial, beyond the paper's columns"
    readme = shelf.text()
    assert f"## {heading}\n" in readme
    assert readme.index("## Recommenders on redial\n") < readme.index(f"## {heading}\n")
    assert heading in shelf.text("tables.tex").replace(r"\textquotesingle{}", "'")
    assert 'id="table-2-redial-beyond"' in shelf.text("index.html")
    assert "coverage" not in shelf.text("picture.svg")
    for name in ("README.md", "index.html", "leaderboard.json"):
        text = shelf.text(name)
        assert text.count("--task recommender --model strong") == 1, f"{name} has the command once"
        assert text.count(beyond["rows"][0]["records"][0]["file"]) == 2, f"{name} links the record from both"


def test_the_papers_columns_are_there_whether_measured_or_not(shelf: Shelf) -> None:
    metrics = shelf.recommending(3, 0.9)
    shelf.add("mine", {name: score for name, score in metrics.items() if name != "Dist-4"})
    table, _ = shelf.tables()
    assert [column["metric"] for column in table["columns"]] == ["Recall@1", "Match Score", "Dist-4", "words"]
    assert "None" not in shelf.text()


def test_another_task_has_a_table_of_its_own(shelf: Shelf) -> None:
    shelf.add("mine", {"SR": shelf.multiturn(9, 1)["SR"]}, task__name="turns")
    (table,) = shelf.tables()
    assert table["tasks"] == ["turns"]


def test_best_values_by_direction_with_ties(shelf: Shelf, cells: Cells) -> None:
    shelf.add("a", shelf.multiturn(90, 4))
    shelf.add("b", shelf.multiturn(90, 5))
    shelf.add("c", shelf.multiturn(10, 0))
    (table,) = shelf.tables()
    best = {model: [m for m, cell in cells(table, model).items() if cell.get("best")] for model in "abc"}
    assert best == {"a": ["SR"], "b": ["SR", "FR"], "c": []}
    assert "**0.9000**" in shelf.text()
    assert r"\textbf{0.9000}" in shelf.text("tables.tex")
    assert "<b>0.9000</b>" in shelf.text("index.html")


def test_nothing_is_best_where_all_are_equal(shelf: Shelf, cells: Cells) -> None:
    shelf.add("a", shelf.multiturn(0, 10))
    shelf.add("b", shelf.multiturn(0, 20))
    shelf.control("accept-first", shelf.multiturn(50, 50))
    (table,) = shelf.tables()
    assert [[m for m, cell in cells(table, model).items() if cell.get("best")] for model in "ab"] == [[], ["FR"]]


def test_controls_and_oracles_do_not_compete(shelf: Shelf, cells: Cells) -> None:
    shelf.add("a", shelf.multiturn(50, 4))
    shelf.add("b", shelf.multiturn(60, 5))
    shelf.control("accept-first", shelf.multiturn(99, 1))
    shelf.add("told", shelf.multiturn(100, 0), model__knows_target=True)
    (table,) = shelf.tables()
    assert models(table) == ["b", "a", "accept-first", "told"]
    assert [m for m in models(table) if cells(table, m)["SR"].get("best")] == ["b"]
    assert "*control*" in shelf.text()
    assert "*told*" in shelf.text()


def test_controls_are_in_natural_order_after_the_models(shelf: Shelf) -> None:
    for k in (10, 9, 1):
        shelf.control(f"accept-at:{k}", shelf.multiturn(50 + k, 4))
    shelf.add("worst", shelf.multiturn(1, 4))
    (table,) = shelf.tables()
    assert models(table) == ["worst", "accept-at:1", "accept-at:9", "accept-at:10"]


def test_two_runs_of_one_model_are_told_apart(shelf: Shelf) -> None:
    for seed in (0, 1):
        shelf.add("mine", shelf.multiturn(50 + seed, 4), request__seed=seed)
    for version in ("0.2.0", "0.3.0"):
        shelf.add("mine", shelf.multiturn(40, 4), versions={"interplay-bench": version})
    (table,) = shelf.tables()
    labels = [(row["model"], *row["tags"]) for row in table["rows"]]
    assert len(set(labels)) == 4
    assert ("mine", "seed 1") in labels


def test_an_option_that_only_some_were_run_with_is_shown(shelf: Shelf) -> None:
    given = {"counterfactual": "swap", "history": "gold"}
    shelf.add("mine", shelf.multiturn(50, 4))
    shelf.add("mine", shelf.multiturn(50, 4), task__options={**given}, request__settings=given)
    (table,) = shelf.tables()
    assert [row["tags"] for row in table["rows"]] == [[], ["counterfactual=swap"]]


def test_synthetic_data_is_marked_and_comes_after_real_data(shelf: Shelf) -> None:
    shelf.add("mine", shelf.multiturn(50, 4), dataset__name="a-sample", dataset__synthetic=True)
    shelf.add("mine", shelf.multiturn(50, 4))
    assert [table["dataset"]["name"] for table in shelf.tables()] == ["redial", "a-sample"]
    assert "Synthetic data" in shelf.text()
    assert "synthetic data" in shelf.text("index.html")
    assert "synthetic" in shelf.text("tables.tex")


def test_the_papers_rows_have_their_counts_and_derived_intervals(shelf: Shelf) -> None:
    shelf.render()
    import json

    one, two, figure = json.loads(shelf.text("leaderboard.json"))["tables"]
    assert (figure["id"], figure["rows"][0]["cells"]) == ("figure-3-pearl", [])
    counts = [[cell["count"] for cell in row["cells"][:3]] for row in one["rows"]]
    assert counts == [[1917, 103, 49], [1972, 48, 49], [748, 7, 1314], [1608, 20, 441]]
    assert [row["cells"][0].get("count") for row in two["rows"]] == [40, 45, 3, None]
    sr = one["rows"][0]["cells"][0]
    assert (sr["low"], sr["high"]) == wilson(1917, 2069)
    assert sr["derived"]
    assert sr["printed"] == "0.9265"
    assert "no k of 2,069" in shelf.text()
    assert "| RecSim-Qwen 8B | *paper* | **0.0217**" in shelf.text()
    assert "37.30" in shelf.text()


PEARL = {"dataset__name": "pearl", "dataset__dialogues": 2069}


def test_the_papers_rows_stand_beside_comparable_measurements(shelf: Shelf, cells: Cells) -> None:
    shelf.add("usersim-qwen8b", shelf.multiturn(1990, 30, 2069), **PEARL)
    shelf.add("usersim-qwen8b", shelf.singleturn(0.93, 0.4, 30, n=9000), **PEARL)
    (table,) = shelf.tables()
    assert models(table) == ["UserSim-Llama 8B", "UserSim-Qwen 8B", "Llama3.1 70B", "Qwen3 32B", "usersim-qwen8b"]
    assert cells(table, "usersim-qwen8b")["SR"]["best"]
    assert cells(table, "Qwen3 32B")["words"]["printed"] == "31.6797"
    assert "Table 1 of the paper" not in shelf.text()


def test_the_papers_values_never_stand_beside_another_signature(shelf: Shelf, cells: Cells) -> None:
    shelf.add("mine", shelf.multiturn(1990, 30, 2069, history="self"), **PEARL)
    shelf.add("mine", shelf.singleturn(0.93, 0.4, 30), **PEARL)
    (table,) = shelf.tables()
    assert "SR" not in cells(table, "Qwen3 32B")
    assert cells(table, "Qwen3 32B")["BERTScore"]["printed"] == "0.8921"
    assert "Table 1 of the paper" in shelf.text()


def test_recommenders_have_the_papers_columns_and_its_rows_beside(shelf: Shelf, cells: Cells) -> None:
    shelf.control("popularity", shelf.recommending(3, 0.9, 2069), **PEARL)
    shelf.add("recsim-qwen8b", shelf.recommending(50, 0.93, 2069), **PEARL)
    table, beyond = shelf.tables()
    assert models(table) == [
        "RecSim-Llama 8B", "RecSim-Qwen 8B", "Qwen3 32B", "UniCRS", "recsim-qwen8b", "popularity"
    ]  # fmt: skip
    columns = [column["metric"] for column in table["columns"]]
    assert columns == ["Recall@1", "Match Score", "Dist-4", "words"]
    assert models(beyond) == ["recsim-qwen8b", "popularity"]
    assert "no k of 2,069" in shelf.text().partition("beyond the paper's columns")[0]
    assert cells(table, "RecSim-Qwen 8B")["Recall@1"]["count"] == 45
    assert cells(table, "recsim-qwen8b")["Recall@1"]["best"]


def test_unicrss_own_recall_never_stands_beside_the_papers(shelf: Shelf, cells: Cells) -> None:
    shelf.add("unicrs", shelf.recommending(50, 0.93, 2069, protocol="unicrs"), **PEARL)
    table, _ = shelf.tables()
    assert "Recall@1" not in cells(table, "UniCRS")


def test_other_dialogues_of_pearl_are_not_the_papers(shelf: Shelf) -> None:
    shelf.add("mine", shelf.multiturn(90, 5), dataset__name="pearl")
    (table,) = shelf.tables()
    assert models(table) == ["mine"]


def test_measured_rows_have_n_interval_record_and_command(shelf: Shelf) -> None:
    record = shelf.add("mine", shelf.multiturn(90, 5))
    shelf.render()
    (row,) = [line for line in shelf.text().splitlines() if line.startswith("| mine |")]
    assert "0.9000<br><sub>90/100 [0.826, 0.945]</sub>" in row
    assert "| 100 |" in row
    assert f"[record](results/{record.name})" in row
    assert "interplay-bench run --task user_multiturn --model mine --dataset redial\n" in shelf.text()
