from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.items.title_index import TitleIndex
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from tests.simulation.talk_plugin import BOOKS, CATALOG, Scripted, gold

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
    monkeypatch.setattr("interplay_bench.simulation.simulation_metrics.similarity", lambda dialogues: None)


@pytest.fixture
def talk() -> Talk:
    """One dialogue between two lists of lines."""

    def run(user: list[str], recommender: list[str], *, number: int = 0, max_turns: int = 20) -> Episode:
        titles = TitleIndex(BOOKS)
        pair = Pair.of(Scripted(*user), Scripted(*recommender), CATALOG)
        ((_, episode),) = converse(pair, {0: gold(number)}, titles, SimulationConfig(max_turns))
        return episode

    return run
