from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from interplay_bench.evaluation.run import Run

Session = Callable[..., pytest.RunResult]
TASKS = ("--pyargs", "interplay_bench.tasks")
BOTH = ("oracle", "accept-first")


def listed(result: pytest.RunResult) -> list[str]:
    return [line.rpartition("::")[2] for line in result.outlines if "::" in line]


def test_every_task_meets_every_model_in_the_order_given(session: Session, multiturn: Path) -> None:
    for arguments in (TASKS, (multiturn.parent,)):
        cells = listed(session(*arguments, "--collect-only", "-q", models=BOTH))
        tasks = sorted({cell.partition("[")[0] for cell in cells})
        assert cells == [f"{task}[{model}]" for task in tasks for model in BOTH]
        assert {"user_multiturn", "user_singleturn"} <= set(tasks)


def test_node_ids_name_file_task_and_model(session: Session, multiturn: Path) -> None:
    root = multiturn.parent.parent
    result = session("--rootdir", root, multiturn.parent, "--collect-only", "-q", models=("oracle",))
    result.stdout.fnmatch_lines(["tasks/user_multiturn.py::user_multiturn[[]oracle]"])
    for arguments in (TASKS, (multiturn,), ("--pyargs", "interplay_bench.tasks.user_multiturn")):
        outside = session(*arguments, "--collect-only", "-q", models=("oracle",))
        outside.stdout.fnmatch_lines(["tasks/user_multiturn.py::user_multiturn[[]oracle]"])


def test_nothing_is_collected_without_a_model(session: Session, multiturn: Path, toy: Path) -> None:
    for argument in (multiturn.parent, multiturn, toy):
        result = session(argument)
        assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
        result.stdout.fnmatch_lines(["*--interplay-model M*"])


def test_a_suite_that_has_no_task_hears_nothing_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*--interplay*")


def test_the_plugin_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_mine():
            heavy = {"torch", "transformers", "numpy", "scipy", "pydantic", "pandas", "tabulate"}
            assert not heavy & set(sys.modules)
            ours = ("interplay_bench.tasks.", "interplay_bench.evaluation.run")
            assert not [name for name in sys.modules if name.startswith(ours)]
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_cells_are_run_and_their_table_printed(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    result = session(multiturn, models=BOTH)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["user_multiturn on toy/test: 12 dialogues", "*", "model *SR*", "-*", "oracle * 8/8 *", "accept-first * 3/8 *"]
    )
    assert len(list((pytester.path / "runs").iterdir())) == 2


def test_naming_a_file_again_runs_it_once_and_imports_it_once(session: Session, multiturn: Path) -> None:
    # A second import would register the task again, under another module's name.
    before = {name for name, module in sys.modules.items() if getattr(module, "__file__", None) == str(multiturn)}
    result = session(multiturn, multiturn.parent, multiturn, "-k", "multiturn", models=("oracle",))
    assert result.parseoutcomes()["passed"] == 1
    after = {name for name, module in sys.modules.items() if getattr(module, "__file__", None) == str(multiturn)}
    assert after == before
    session(f"{multiturn}::user_multiturn[oracle]", models=BOTH).assert_outcomes(passed=1)


def test_somebody_elses_registered_file_is_collected_likewise(session: Session, toy: Path) -> None:
    result = session(toy, models=("oracle",))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["turns on toy/test: 12 dialogues"])


def test_k_and_x(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    session(multiturn, "-k", "accept", models=BOTH).assert_outcomes(passed=1, deselected=1)
    (pytester.path / "gates.toml").write_text('[gates.user_multiturn]\nSR = ">= 0.9999"')
    result = session(multiturn, "-x", "--interplay-gates", "gates.toml", models=BOTH)
    result.assert_outcomes(failed=1)


def test_options_reach_the_run(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    session(
        *(multiturn, "--interplay-data", "28", "--interplay-limit", "9", "--interplay-seed", "3"),
        *("--interplay-set", "decide=generate", "--interplay-output", "kept"),
        models=("likes-dune",),
    ).assert_outcomes(passed=1)
    record = Run.load(pytester.path / "kept" / "toy-user_multiturn-likes-dune").record
    assert record.dataset.dialogues == 9
    assert record.task.options["decide"] == "generate"
    assert record.request.seed == 3
    assert "--data 28 --split test --limit 9 --seed 3 --set decide=generate" in str(record.command)


def test_a_setting_goes_to_the_tasks_that_know_it(session: Session) -> None:
    result = session(*TASKS, "--interplay-set", "history=self", "-rs", models=("accept-first",))
    assert not result.parseoutcomes().get("failed")


def test_an_output_that_is_taken_is_gone_on_with_when_asked_for(session: Session, multiturn: Path) -> None:
    session(multiturn, "--interplay-output", "kept", models=("oracle",)).assert_outcomes(passed=1)
    again = session(multiturn, "--interplay-output", "kept", models=("oracle",))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*already holds a run*"])
    session(multiturn, "--interplay-output", "kept", "--interplay-resume", models=("oracle",)).assert_outcomes(passed=1)


def test_a_model_of_the_other_side_or_without_a_voice_is_skipped(session: Session, multiturn: Path) -> None:
    result = session(multiturn, "-rs", models=("recsim-qwen8b",))
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*user_multiturn evaluates a user, which recsim-qwen8b is not"])
    mute = session(multiturn.with_name("user_singleturn.py"), "-rs", models=("oracle",))
    mute.assert_outcomes(skipped=1)
    mute.stdout.fnmatch_lines(["SKIPPED*does not speak*"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--interplay-model", "oracel"), "Did you mean 'oracle'"),
        (("--interplay-model", "oracle", "--interplay-dataset", "tyo"), "Did you mean 'toy'"),
        (("--interplay-model", "oracle", "--interplay-plugin", "none.py"), "No plugin file"),
        (("--interplay-model", "oracle", "--interplay-set", "histroy=self"), "Did you mean 'history'"),
        (("--interplay-model", "oracle", "--interplay-set", "engine.dtype=float32"), "has an engine"),
    ],
)
def test_a_misspelt_name_ends_the_session_at_once(session: Session, arguments: tuple[str, ...], words: str) -> None:
    result = session(*TASKS, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line]
    assert len(errors) == 1
    assert errors[0].startswith("ERROR: ")
    assert words in errors[0]


def test_an_error_of_a_run_is_one_line_and_not_a_traceback(session: Session, multiturn: Path) -> None:
    result = session(multiturn, "--interplay-data", "0", models=("oracle",))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has no dialogues left*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*DataError*")


def test_a_bug_in_an_adapter_keeps_its_traceback(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    (pytester.path / "broken.py").write_text(
        "from interplay_bench import UserSimulator\n"
        "from interplay_bench.simulators.adapter import adapter\n"
        "@adapter('broken')\n"
        "class Broken(UserSimulator):\n"
        "    'Cannot divide.'\n"
        "    def decide(self, views):\n"
        "        return 1 / 0\n"
    )
    result = session(multiturn, "--interplay-plugin", "broken.py", models=("broken",))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*return 1 / 0", "*ZeroDivisionError*"])


def test_xdist_prints_the_tables_of_its_workers_runs(session: Session, multiturn: Path) -> None:
    pytest.importorskip("xdist")
    result = session(multiturn, "-n", "2", "-p", "no:benchmark", models=BOTH, xdist=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["oracle * 8/8 *", "accept-first * 3/8 *"])


def test_junit_gets_the_scores_as_properties(session: Session, pytester: pytest.Pytester, multiturn: Path) -> None:
    session(multiturn, "--junitxml", "report.xml", models=("accept-first",))
    case = ElementTree.parse(pytester.path / "report.xml").find(".//testcase")
    assert case is not None
    assert case.get("name") == "user_multiturn[accept-first]"
    found = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert found["SR"] == "0.375"
    assert float(found["SR.low"] or 0) == pytest.approx(0.1368, abs=1e-4)
