from __future__ import annotations

import re
import time

import pytest

from interplay_bench.environment.progress import bar, duration, lines


def test_a_pipe_gets_a_line_now_and_then_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with lines("work", total=10, done=2, every=0.05) as advance:
        advance(4)
        time.sleep(0.3)
    printed = capsys.readouterr().err.splitlines()
    assert 2 <= len(printed) <= 6
    assert re.fullmatch(r"work: 6 of 10, \d+ s so far, about \d+ s left", printed[-1])


def test_short_work_says_nothing_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("work", 3) as advance:
        advance(3)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "said"), [(8.4, "8 s"), (100, "2 min"), (7500, "2 h 5 min")])
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
