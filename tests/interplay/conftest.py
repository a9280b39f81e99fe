from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.catalog import Catalog
from interplay_bench.interplay.episode import Episode
from interplay_bench.interplay.lockstep import Rules, converse
from interplay_bench.interplay.pair import Pair
from interplay_bench.registry import load_plugin
from tests.interplay.talk_plugin import BOOKS, STOCK, Scripted, gold

PLUGIN = Path(__file__).parent / "talk_plugin.py"
Talk = Callable[..., Episode]


@pytest.fixture(autouse=True)
def plugin() -> Path:
    """The file of a plugin whose simulators talk."""
    load_plugin(PLUGIN)
    return PLUGIN


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the similarity out: its encoder is loaded and tested elsewhere."""
    monkeypatch.setattr("interplay_bench.interplay.scores.similarity", lambda dialogues: None)


@pytest.fixture
def talk() -> Talk:
    """One dialogue between two lists of lines."""

    def run(user: list[str], recommender: list[str], *, number: int = 0, max_turns: int = 20) -> Episode:
        catalog = Catalog(BOOKS)
        pair = Pair.of(Scripted(*user), Scripted(*recommender), STOCK)
        ((_, episode),) = converse(pair, {0: gold(number)}, catalog, Rules(max_turns))
        return episode

    return run
