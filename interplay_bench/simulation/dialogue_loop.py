"""Many dialogues at once: each round is one batch for one role, and who is done makes room for who waits.

What a dialogue becomes depends on nothing but its own views: models give a view the same reply in any batch (sampled
text takes its random numbers from the seed and the prompt), so that windows, order and resumption change nothing. A
local model keeps to that in float32; in bfloat16, batches round differently, and a near tie may fall the other way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.simulation.attribute_overlap import AttributeOverlap
from interplay_bench.simulation.dialogue_state import MAX_TURNS, DialogueState
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import Pair
from interplay_bench.simulators.adapter import Decision, Reply, UserSimulator, one_each

WINDOW = 64


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """How to simulate.

    ``max_turns``: of a dialogue, scripted ones included. ``window``: how many dialogues advance together.
    ``decisions``: also ask the user for its P(accept) after every recommendation, which reads each prompt once more.
    """

    max_turns: int = MAX_TURNS
    window: int = WINDOW
    decisions: bool = False


def converse(
    pair: Pair, dialogues: Mapping[int, Dialogue], titles: TitleIndex, rules: SimulationConfig
) -> Iterator[tuple[int, Episode]]:
    """Simulate a dialogue for each persona of ``dialogues``; yields each with its number as soon as it has ended."""
    waiting = deque(dialogues.items())
    live: dict[int, DialogueState] = {}
    agreement = AttributeOverlap(titles)
    while waiting or live:
        while waiting and len(live) < rules.window:
            number, gold = waiting.popleft()
            live[number] = DialogueState(gold, titles, rules.max_turns)
        for role in Role:
            speaking = [simulation for simulation in live.values() if simulation.speaker is role]
            _speak(pair, role, speaking, rules)
            for number in [number for number, simulation in live.items() if simulation.end is not None]:
                yield number, live.pop(number).finish(agreement)


def _speak(pair: Pair, role: Role, speaking: Sequence[DialogueState], rules: SimulationConfig) -> None:
    """Let one side of every simulation say its next turn, in one batch."""
    if not speaking:
        return
    model = pair.user if role is Role.USER else pair.recommender
    told = pair.knows_target(role)
    views = [simulation.view(told) for simulation in speaking]
    decisions: dict[int, Decision] = {}
    if rules.decisions and isinstance(model, UserSimulator) and role is Role.USER:
        asked = [place for place, simulation in enumerate(speaking) if simulation.asked]
        made = one_each(model.decide, [views[place] for place in asked], Decision)
        decisions = dict(zip(asked, made, strict=True))
    replies = one_each(model.respond, views, Reply)
    for place, (simulation, reply) in enumerate(zip(speaking, replies, strict=True)):
        simulation.hear(reply, decisions.get(place))
