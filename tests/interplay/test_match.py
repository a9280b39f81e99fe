from __future__ import annotations

from typing import Any

import pytest

from interplay_bench import Item
from interplay_bench.interplay.scores import scores
from tests.interplay.conftest import Talk


class Decades:
    """A scorer by the distance in years, as a share of ten."""

    identity = "decades"

    def similarity(self, a: Item, b: Item) -> float | None:
        return 1 - abs((a.year or 0) - (b.year or 0)) / 10

    def random_pairs(self, n: int = 10000, seed: int = 0) -> float:
        return 0.5


def test_simulated_acceptances_are_weighed_against_the_target(talk: Talk) -> None:
    dune = "<action><recommend></action><response><book_title>Dune</book_title></response>"
    yes = "<action><accept></action><response>Yes.</response>"
    episodes = [talk(["<action><greeting></action><response>Hm.</response>", yes], [dune], number=n) for n in (0, 1, 8)]
    scorer: Any = Decades()
    found = {score.name: score for score in scores(episodes, {}, 0, scorer)}
    assert found["Match Score"].value == pytest.approx((1.0 + 0.9) / 2)
    assert (found["match coverage"].count, found["match coverage"].total) == (2, 2)
