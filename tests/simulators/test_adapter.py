from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from interplay_bench import Action, Decision, Reply, Role, Turn, UserSimulator, Verdict, View, evaluate


def test_a_verdict_may_be_its_word_and_a_probability_any_number() -> None:
    import numpy as np

    decision = Decision("accept", np.float32(0.5))  # type: ignore[arg-type]
    assert decision.verdict is Verdict.ACCEPT
    assert type(decision.probability) is float


@pytest.mark.parametrize(
    ("verdict", "probability"), [("acept", None), (True, None), ("accept", float("nan")), ("accept", 1.5)]
)
def test_nothing_else_passes_for_a_rejection(verdict: Any, probability: float | None) -> None:
    with pytest.raises(ValueError, match=r"acept|True|probability"):
        Decision(verdict, probability)


class Counting(UserSimulator):
    """A user that counts oddly."""

    def __init__(self, counts: Any) -> None:
        self.counts = counts

    def decide(self, views: Sequence[View]) -> list[Decision]:
        return [Decision(Verdict.ACCEPT) for _ in views]

    def usage(self) -> Any:
        return self.counts


@pytest.mark.parametrize(
    ("counts", "recorded"),
    [
        ({"requests": 3}, {"requests": 0}),  # it had made them before the run
        ({"requests": 3, "tokens": float("nan"), "cost": "7", "negative": -1}, {"requests": 0, "uncounted": 3}),
        (None, {"uncounted": 1}),
    ],
)
@pytest.mark.slow
def test_a_run_is_not_lost_for_what_is_no_count(counts: Any, recorded: dict[str, int], tmp_path: Path) -> None:
    run = evaluate("user_multiturn", Counting(counts), limit=1, output=tmp_path / "run")
    assert run.complete
    assert run.record.usage == recorded


@pytest.mark.parametrize(
    "odd",
    [{"prompt_tokens": float("nan")}, {"completion_tokens": "7"}, {"dropped_turns": -1}, {"raw": None}, {"turn": "Hi"}],
)
def test_a_reply_that_would_spoil_the_samples_is_refused_where_it_is_made(odd: dict[str, Any]) -> None:
    turn = Turn(Role.USER, Action.FEEDBACK, "Hi")
    assert Reply(turn, "Hi", prompt_tokens=3).prompt_tokens == 3
    with pytest.raises(ValueError, match=r"whole number|as written"):
        Reply(**{"turn": turn, "raw": "Hi", **odd})
