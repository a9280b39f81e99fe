"""Caches kept between a dialogue's turns change nothing but the work."""

from __future__ import annotations

from typing import Any

import pytest

from interplay_bench.simulation.episode import Episode
from tests.simulation.talk_plugin import gold
from tests.simulation.test_language_models import engine, talk

__all__ = ["engine"]


@pytest.mark.parametrize("kv_slots", [None, 3000, 0])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_dialogues_are_the_same_with_less_work(engine: Any, kv_slots: int | None, temperature: float) -> None:
    dialogues = dict(enumerate(map(gold, range(5))))

    def run() -> tuple[list[Episode], int]:
        before = engine.forward_tokens
        return talk(engine, 4, temperature, dialogues), engine.forward_tokens - before

    engine.prefix_cache = None
    plain, work = run()
    engine.remember(kv_slots)
    kept, less = run()
    engine.prefix_cache = None
    assert kept == plain
    assert less == work if kv_slots == 0 else less < work
