from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interplay_bench.cli.main import main
from interplay_bench.leaderboard.paper import recover

if TYPE_CHECKING:
    from tests.leaderboard.conftest import Shelf

PEARL = {"dataset__name": "pearl", "dataset__dialogues": 2069}


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    capsys.readouterr()
    assert main(["leaderboard", "--fidelity"]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines() if all(word in line for word in words)]


def test_every_printed_value_has_a_line(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(lines(capsys, "not run")) == 4 * 6 + 4 * 4
    ((*_, count, _, _),) = lines(capsys, "Table 1", "UserSim-Qwen 8B", "SR")
    assert count == "1972/2069"


def test_ours_stands_beside_it_with_difference_and_verdict(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.add("usersim-qwen8b", shelf.multiturn(2010, 48, 2069), **PEARL)
    (sr,) = lines(capsys, "UserSim-Qwen 8B", "SR")
    assert sr[-1] == "no"
    assert f"{2010 / 2069 - 0.9531:+.4f}" in sr
    (et,) = lines(capsys, "UserSim-Qwen 8B", "ET")
    assert et[-1] == "yes"
    assert len(lines(capsys, "not run")) == 40 - 3


def test_other_data_models_and_signatures_are_not_run(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.add("usersim-qwen8b", shelf.multiturn(90, 5))
    shelf.add("smollm2", shelf.multiturn(1990, 48, 2069), **PEARL)
    shelf.add("qwen3-32b", shelf.multiturn(1990, 48, 2069, history="self"), **PEARL)
    assert len(lines(capsys, "not run")) == 40


@pytest.mark.parametrize(
    ("printed", "n", "count"),
    [("0.9265", 2069, 1917), ("0.0033", 2069, 7), ("0.0119", 2069, None), ("1.0000", 2069, 2069), ("0", 5, None),
     ("0.5", 1000, None), ("0.0000", 2069, 0), ("0.3333", 3, 1), ("0.6667", 3, 2), ("0.6666", 3, 2)],
)  # fmt: skip
def test_counts_are_recovered_only_where_there_is_one(printed: str, n: int, count: int | None) -> None:
    assert recover(printed, n) == count


def test_every_count_comes_back() -> None:
    for k in range(2070):
        assert recover(f"{k / 2069:.4f}", 2069) == k
