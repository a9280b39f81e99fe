from __future__ import annotations

from typing import Any

import pytest

from interplay_bench import Item
from interplay_bench.simulation.simulation_task import SimulationTask
from tests.simulation.conftest import Talk


class Decades:
    """A scorer by the distance in years, as a share of ten."""

    identity = "decades"
    domains = frozenset({"movie"})

    def similarity(self, a: Item, b: Item) -> float | None:
        return 1 - abs((a.year or 0) - (b.year or 0)) / 10

    def random_pairs(self, n: int = 10000, seed: int = 0) -> float:
        return 0.5


def test_simulated_acceptances_are_weighed_against_the_target(talk: Talk) -> None:
    dune = "<action><recommend></action><response><book_title>Dune</book_title></response>"
    yes = "<action><accept></action><response>Yes.</response>"
    episodes = [talk(["<action><greeting></action><response>Hm.</response>", yes], [dune], number=n) for n in (0, 1, 8)]
    task: Any = SimulationTask.from_settings({})
    task.scorer = Decades()
    found = {score.name: score for score in task.scores([episode.sample() for episode in episodes])}
    assert found["Match Score"].value == pytest.approx((1.0 + 0.9) / 2)
    assert (found["match coverage"].count, found["match coverage"].total) == (2, 2)
