"""Caches kept between a dialogue's turns change nothing but the work."""

from __future__ import annotations

from typing import Any

import pytest

from interplay_bench.interplay.episode import Episode
from tests.interplay.talk_plugin import gold
from tests.interplay.test_language_models import engine, talk

__all__ = ["engine"]


@pytest.mark.parametrize("places", [None, 3000, 0])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_dialogues_are_the_same_with_less_work(engine: Any, places: int | None, temperature: float) -> None:
    dialogues = dict(enumerate(map(gold, range(5))))

    def run() -> tuple[list[Episode], int]:
        before = engine.forward_tokens
        return talk(engine, 4, temperature, dialogues), engine.forward_tokens - before

    engine.memory = None
    plain, work = run()
    engine.remember(places)
    kept, less = run()
    engine.memory = None
    assert kept == plain
    assert less == work if places == 0 else less < work
