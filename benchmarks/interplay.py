"""Two simulators talking: a batch of dialogues in lockstep beside one dialogue at a time, and what kept caches save.

    python benchmarks/interplay.py --user usersim-smollm2 --recommender recsim-smollm2 --dialogues 24 --alone 6

Same personas, weights (float32), threads and greedy decoding; what is said must be the same, and is compared. Ratios
are of seconds per turn, since the few dialogues held alone may be longer or shorter than the rest. ``--clock cpu``
counts processor time, for machines that others use as well (then give ``--threads 1``).
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from interplay_bench.datasets.load import item_catalog, load_dataset
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from interplay_bench.simulators import model_spec as model
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator


class Stage:
    """The two models, and the ways in which they can be put to work."""

    def __init__(self, user: str, recommender: str, dialogues: int, turns: int, clock: Callable[[], float]) -> None:
        cast = [model.find(name, {"dtype": "float32"}).build(0).adapter for name in (user, recommender)]
        source = load_dataset("sample")
        self.catalog = item_catalog(source)
        _ = self.catalog.titles  # read by whoever asks first, which is no matter of the talk
        self.pair = Pair.of(cast[0], cast[1], self.catalog)
        self.engines = [adapter.model for adapter in cast if isinstance(adapter, LanguageModelSimulator)]
        self.dialogues = source.dialogues[:dialogues]
        self.turns, self.clock = turns, clock

    def play(self, dialogues: tuple[Dialogue, ...], window: int, *, keep: bool) -> tuple[float, dict[int, Episode]]:
        """Seconds, and the dialogues."""
        for engine in self.engines:
            assert isinstance(engine, TransformersModel)
            engine.memory = None
            if keep:
                engine.remember()
        rules = SimulationConfig(max_turns=self.turns, window=window)
        began = self.clock()
        spoken = dict(converse(self.pair, dict(enumerate(dialogues)), self.catalog.titles, rules))
        return self.clock() - began, spoken


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--user", default="usersim-smollm2")
    parser.add_argument("--recommender", default="recsim-smollm2")
    parser.add_argument("--dialogues", type=int, default=24, help="that advance together")
    parser.add_argument("--alone", type=int, default=6, help="of them are also held one at a time")
    parser.add_argument("--max-turns", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--output", type=Path)
    parsed = parser.parse_args()
    torch.set_num_threads(parsed.threads)
    clock = time.perf_counter if parsed.clock == "wall" else time.process_time
    stage = Stage(parsed.user, parsed.recommender, parsed.dialogues, parsed.max_turns, clock)
    alone = tuple(stage.dialogues[: parsed.alone])
    together = tuple(stage.dialogues)
    ways = {
        "lockstep": stage.play(together, len(together), keep=True),
        "lockstep, caches dropped": stage.play(together, len(together), keep=False),
        "one at a time": stage.play(alone, 1, keep=True),
        "one at a time, caches dropped": stage.play(alone, 1, keep=False),
    }
    reference = ways["lockstep"][1]
    cost = {name: seconds / sum(len(e.spoken) for e in spoken.values()) for name, (seconds, spoken) in ways.items()}
    result = {
        "ways": {
            name: {
                "dialogues_per_minute": round(60 * len(spoken) / seconds, 2),
                "seconds_per_turn": round(cost[name], 4),
                "times_lockstep": round(cost[name] / cost["lockstep"], 2),
                "same_dialogues": all(reference[number] == episode for number, episode in spoken.items()),
            }
            for name, (seconds, spoken) in ways.items()
        },
        "arguments": {name: str(value) for name, value in vars(parsed).items() if name != "output"},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    print(json.dumps(result, indent=2))
    if parsed.output:
        parsed.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
