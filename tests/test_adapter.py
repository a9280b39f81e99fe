from __future__ import annotations

from typing import Any

import pytest

from interplay_bench import Decision, Verdict


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
