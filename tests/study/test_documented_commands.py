"""docs/study.md's way from two simulations to Figure 3, command by command; scripts stand in for models and people."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.study.answer_store import AnswerStore
from interplay_bench.study.plan import read_plan
from tests.study.simulated_annotators import simulated_answers

pytest.importorskip("krippendorff", reason="the extra [study] is not installed")
DOCS = Path(__file__).parents[2] / "docs" / "study.md"


@pytest.mark.slow
def test_from_two_simulations_to_figure_3(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, recommender in (("ours", "random-item"), ("control", "bm25")):
        talk = ["--user", "accept-at:2", "--recommender", recommender, "--plugin", str(toy), "--dataset", "toy"]
        assert main(["simulate", *talk, "--limit", "5", "--output", f"runs/{name}"]) == 0
    section = DOCS.read_text().split("## From two simulations to Figure 3")[1]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert block
    commands = [shlex.split(line, comments=True)[1:] for line in block[1].strip().splitlines()]
    assert [command[:2] for command in commands] == [
        ["study", "new"], ["study", "serve"], ["study", "report"], ["publish", "runs/figure-3"],
    ]  # fmt: skip
    for command in commands:
        if command[1] == "serve":
            plan = read_plan(Path(command[2]))
            AnswerStore(Path(command[2]).with_suffix(".sqlite")).save(simulated_answers(plan, 0.9, 0))
        else:
            assert main([*command, *(["--allow-dirty"] if command[0] == "publish" else [])]) == 0
    assert Path("figure-3.svg").read_text().count("<svg") == 1
    assert list(Path("leaderboard/results").glob("human_study-*.json"))
