from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.cli.main import main
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.plan import Kind, Plan, read_plan
from interplay_bench.study.planning import Size

PlanOf = Callable[..., Plan]


def drawn(plan: Plan) -> dict[str, Any]:
    record = asdict(plan)
    for each in record["annotators"]:
        del each["token"], each["code"]
    return record


def test_a_plan_is_drawn_from_its_seed_but_for_the_secrets(planned: PlanOf) -> None:
    one, same, other = planned(1), planned(1), planned(2)
    assert drawn(one) == drawn(same) != drawn(other)
    assert {each.token for each in one.annotators}.isdisjoint(each.token for each in same.annotators)


def test_a_plan_survives_its_file(planned: PlanOf, tmp_path: Path) -> None:
    plan = planned()
    plan.write(tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize("pairs", [6, 7])
def test_sides_are_balanced_repeats_swapped_and_controls_scrambled(planned: PlanOf, pairs: int) -> None:
    plan = planned(pairs=pairs, annotators=5)
    orders = set()
    for each in plan.annotators:
        first = {s.pair: (s, i) for i, s in enumerate(each.showings) if s.kind is Kind.PAIR}
        assert len(first) == pairs
        sides = Counter(s.left for s, _ in first.values())
        assert abs(sides["a"] - sides["b"]) <= 1
        again = [(s, i) for i, s in enumerate(each.showings) if s.kind is Kind.REPEAT]
        assert len(again) == 2
        for showing, at in again:
            original, before = first[showing.pair]
            assert before < at
            assert showing.left != original.left
        orders.add(tuple(first))
    assert len(orders) > 1
    control = plan.pair["c1"]
    assert control.a != control.b
    assert sorted(map(str, control.a)) == sorted(map(str, control.b))


def test_every_pair_is_judged_as_often_as_every_other(planned: PlanOf) -> None:
    plan = planned(pairs=7, annotators=4, each=5)
    counts = Counter(s.pair for each in plan.annotators for s in each.showings if s.kind is Kind.PAIR)
    assert len(counts) == 7
    assert max(counts.values()) - min(counts.values()) <= 1


def test_annotators_read_no_markup(planned: PlanOf) -> None:
    plan = planned(words="<action><recommend></action><response>See <movie_title>Heat</movie_title>")
    assert all("<" not in line.text for pair in plan.pairs for line in (*pair.a, *pair.b))


def test_the_papers_six_criteria() -> None:
    assert [c.key for c in read_criteria()] == [
        "user_control", "expertise", "specificity", "relevance", "flow", "consistency",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "flow = 3", "[flow]\nname = 'F'", "[flow]\nname='F'\nquestoin='x'", "["])
def test_criteria_that_cannot_be_read_are_one_clear_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "criteria.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"criteria\.toml"):
        read_criteria(path)


@pytest.mark.parametrize("size", [{"pairs": 0}, {"annotators": 0}, {"each": 51}, {"each": 2}, {"controls": -1}])
def test_sizes_that_make_no_study(size: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Size(**size)


def test_the_command_plans_two_data_sets_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    call = ["study", "new", "sample", "sample", "--pairs", "4", "--annotators", "2", "--output", str(path)]
    assert main(call) == 0
    assert "4 pairs, 2 annotators" in capsys.readouterr().out
    assert main(call) == 2
    assert main([*call[:2], "sample", "nowhere", *call[4:-1], str(tmp_path / "other")]) == 2
    assert "neither a run's folder nor a data set" in capsys.readouterr().err


def test_too_few_pairs_and_broken_plans_are_clear_errors(planned: PlanOf, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    with pytest.raises(DataError, match="is no plan of a study"):
        read_plan(tmp_path / "x")
    with pytest.raises(DataError, match="cannot be read"):
        read_plan(tmp_path / "y")
