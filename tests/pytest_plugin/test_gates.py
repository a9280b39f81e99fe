from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Session = Callable[..., pytest.RunResult]


@pytest.fixture
def gated(session: Session, pytester: pytest.Pytester, multiturn: Path) -> Callable[..., pytest.RunResult]:
    def run(gates: str, *models: str, file: Path = multiturn) -> pytest.RunResult:
        (pytester.path / "gates.toml").write_text(gates)
        return session(file, "--interplay-gates", "gates.toml", models=models)

    return run


# accept-first: SR 3/8 = 0.375 [0.137, 0.694]; ET 5/8 = 0.625 [0.306, 0.863].


@pytest.mark.parametrize(
    ("gate", "kept"),
    [
        ('SR = ">= 0.13"', True),
        ('SR = ">= 0.14"', False),  # the point estimate would keep it
        ('SR = "<= 0.70"', True),
        ('SR = "<= 0.69"', False),
        ('ET = "<=.87"', True),
        ('SR = ">= 1e-1"', True),
    ],
)
def test_the_intervals_end_decides(gated: Callable[..., pytest.RunResult], gate: str, kept: bool) -> None:
    result = gated(f"[gates.user_multiturn]\n{gate}", "accept-first")
    result.assert_outcomes(passed=int(kept), failed=int(not kept))


def test_a_broken_gate_says_by_how_much(gated: Callable[..., pytest.RunResult]) -> None:
    result = gated('[gates.user_multiturn]\nSR = ">= 0.3"\nET = "<= 0.9"', "accept-first", "oracle")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["SR >= 0.3 broken: its interval's low end is 0.1368 (it is 0.3750, n = 8)"])
    result.stdout.fnmatch_lines(
        [
            "Gates:",
            "*accept-first[]]: ET <= 0.9 kept*",
            "*accept-first[]]: SR*broken*",
            "*oracle*kept*",
            "*oracle*kept*",
        ]
    )


def test_a_metric_without_interval_is_judged_by_its_value_and_says_so(
    gated: Callable[..., pytest.RunResult], toy: Path
) -> None:
    result = gated('[gates.turns]\nturns = ">= 7"', "oracle", file=toy)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*turns >= 7 kept: it is 7.0000, without an interval*"])


def test_a_metric_that_was_not_measured_breaks_its_gate(gated: Callable[..., pytest.RunResult]) -> None:
    result = gated('[gates.user_multiturn]\n"decision AUC" = ">= 0.5"', "oracle")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["decision AUC >= 0.5 broken: this run has no such value"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[gate.user_multiturn]\nSR = ">= 0.9"', "Did you mean 'gates'"),
        ('[gates.user_multitrun]\nSR = ">= 0.9"', "Did you mean 'user_multiturn'"),
        ('[gates.user_multiturn]\nRS = ">= 0.9"', "Available: ET, FR, SR"),
        ('[gates.user_multiturn]\nSR = "> 0.9"', "a bound is written"),
        ("[gates.user_multiturn]\nSR = 0.9", "a bound is written"),
        ('[gates]\nSR = ">= 0.9"', "Unknown task"),
        ("[gates]\nuser_multiturn = 1", "[gates.user_multiturn]"),
        ("", "holds no gate"),
        ("[gates.user_multiturn]", "[gates.user_multiturn] holds no gate"),
        ("[gates", "no valid TOML"),
        ("x = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_a_misspelt_gate_is_one_clear_error_before_any_work(
    gated: Callable[..., pytest.RunResult], text: str, words: str
) -> None:
    result = gated(text, "oracle")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line]
    assert len(errors) == 1
    assert words in errors[0]


def test_a_missing_file_is_an_error(session: Session, multiturn: Path) -> None:
    result = session(multiturn, "--interplay-gates", "none.toml", models=("oracle",))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "No gates file at none.toml" in result.stderr.str()


def test_names_cannot_steer_the_terminal(session: Session, multiturn: Path) -> None:
    for option, name in (("gates", "a\x1b[31mb.toml"), ("output", "a\x1b[31mb")):
        result = session(multiturn, f"--interplay-{option}", name, models=("oracle",))
        shown = "\n".join(result.outlines + result.errlines)
        assert "a·[31mb" in shown, shown
        assert "\x1b[31mb" not in shown, shown


def test_gates_that_were_held_against_no_run_fail_the_session(
    pytester: pytest.Pytester, session: Callable[..., pytest.RunResult], multiturn: Path
) -> None:
    pytester.makepyfile(test_mine="def test_mine(): pass")
    (pytester.path / "gates.toml").write_text('[gates.user_multiturn]\nSR = ">= 0.99"\n[gates.turns]\nturns = ">= 1"\n')
    gates = ("--interplay-gates", "gates.toml")
    for file, missed in (("test_mine.py", ("turns", "user_multiturn")), (multiturn, ("turns",))):
        result = session(file, *gates, models=("oracle",))
        result.assert_outcomes(passed=1) if file != multiturn else None
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        for task in missed:
            result.stdout.fnmatch_lines([f"*the gates of {task} were held against no run*"])
    assert session("test_mine.py", "--collect-only", *gates, models=("oracle",)).ret == pytest.ExitCode.OK
