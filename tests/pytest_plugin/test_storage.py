from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pytest_benchmark")
Session = Callable[..., pytest.RunResult]


def test_speed_is_kept_and_compared(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    first = session(multiturn, "--benchmark-save", "first", "--benchmark-storage", "speed", models=("slow",))
    first.assert_outcomes(passed=1)
    (saved,) = (pytester.path / "speed").rglob("0001_first.json")
    (cell,) = json.loads(saved.read_text())["benchmarks"]
    assert cell["name"] == "user_multiturn[slow]"
    assert cell["params"] == {"task": "user_multiturn", "model": "slow"}
    assert cell["stats"]["iterations"] == 12
    assert cell["extra_info"]["dialogues/s"] == pytest.approx(cell["stats"]["ops"])
    # Three windows of at least 20 ms; eight of the twelve dialogues have three decisions each.
    assert 0 < cell["extra_info"]["dialogues/s"] < 200
    assert cell["extra_info"]["decisions/s"] == pytest.approx(cell["extra_info"]["dialogues/s"] * 24 / 12)
    second = session(
        *(multiturn, "--interplay-limit", "8", "--benchmark-storage", "speed", "--benchmark-compare"),
        "--benchmark-compare-fail=mean:2000%",
        models=("slow",),
    )
    second.assert_outcomes(passed=1)
    second.stdout.fnmatch_lines_random(["*user_multiturn[[]slow] (0001_first)*", "*user_multiturn[[]slow] (NOW)*"])


def test_tokens_are_counted_where_they_are_written(session: Session, pytester: pytest.Pytester) -> None:
    (pytester.path / "counting.py").write_text(
        "from interplay_bench import Action, Reply, Role, Sample, Score, Task, Turn\n"
        "from interplay_bench.evaluation.task import task\n"
        "@task('counting')\n"
        "class Counting(Task):\n"
        "    'Count tokens.'\n"
        "    role = Role.USER\n"
        "    metrics = ()\n"
        "    def evaluate(self, model, dialogues):\n"
        "        return [Sample(d.id, d.user_id, 'done', {'tokens_written': 5}) for d in dialogues]\n"
        "    def scores(self, samples):\n"
        "        return []\n"
    )
    session("counting.py", "--interplay-plugin", "counting.py", "--benchmark-json", "b.json", models=("oracle",))
    (cell,) = json.loads((pytester.path / "b.json").read_text())["benchmarks"]
    assert cell["extra_info"]["tokens/s"] == pytest.approx(5 * cell["extra_info"]["dialogues/s"])


def test_benchmark_only_and_skip_mean_cells(session: Session, multiturn: Path) -> None:
    session(multiturn, "--benchmark-only", models=("oracle",)).assert_outcomes(passed=1)
    session(multiturn, "--benchmark-skip", models=("oracle",)).assert_outcomes(skipped=1)


def test_a_resumed_cell_tells_no_time(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    kept = ("--interplay-output", "kept", "--interplay-resume")
    session(multiturn, *kept, models=("oracle",)).assert_outcomes(passed=1)
    with pytest.warns(Warning, match="no benchmarks have been run"):
        session(multiturn, *kept, "--benchmark-json", "b.json", models=("oracle",)).assert_outcomes(passed=1)
    assert not (pytester.path / "b.json").exists()


def test_all_works_without_pytest_benchmark(session: Session, multiturn: Path) -> None:
    session(multiturn, "-p", "no:benchmark", models=("oracle",)).assert_outcomes(passed=1)
