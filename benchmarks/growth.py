"""How the local engine's cost grows: with ten times the dialogues, and with longer ones.

    python benchmarks/growth.py [--data REDIAL] [--job choose|generate]

A decision after every turn of the recommender, or a reply at every user turn. First on every tenth dialogue and on all
of them, twice: time should grow as their tokens do, and memory not, once kernels for every length have been made. Then
on single dialogues of more and more turns, strung together from those of the data: a turn more should cost that turn's
tokens, not the whole history's again.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from engine import CHOICES, cast, dialogues, prompts_at
from tabulate import tabulate

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.dialogues.markup import END
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Sampling
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator

TURNS = (10, 20, 40, 80)


def asked(user: LanguageModelSimulator, dialogue: Dialogue, job: str) -> list[Prompt]:
    """The prompts of ``job`` on one dialogue."""
    turns = enumerate(dialogue.turns)
    if job == "choose":
        return prompts_at(user, dialogue, [at + 1 for at, turn in turns if turn.role is Role.RECOMMENDER])
    return prompts_at(user, dialogue, [at for at, turn in turns if turn.role is Role.USER and at])


def measure(engine: TransformersModel, prompts: Sequence[Prompt], job: str, clock: str) -> tuple[float, int]:
    """Seconds, and the tokens that went through the model."""
    now = time.perf_counter if clock == "wall" else time.process_time
    before, began = engine.forward_tokens, now()
    if job == "choose":
        engine.choose(prompts, CHOICES)
    else:
        engine.generate(prompts, Sampling(max_tokens=32, stop=(END,)))
    return now() - began, engine.forward_tokens - before


def strung(replays: Sequence[Dialogue], turns: int) -> Dialogue:
    """One dialogue of so many turns, from the turns of several."""
    joined = [turn for dialogue in replays for turn in dialogue.turns]
    return replace(replays[0], turns=tuple(joined[:turns]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="ReDial's test_data.jsonl; the sample where absent")
    parser.add_argument("--model", default="usersim-smollm2", help="whose prompts are answered: a name or a card")
    parser.add_argument("--job", choices=("choose", "generate"), default="choose")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: for busy machines, one thread")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    user, engine = cast(options.model, options.dtype)
    replays = dialogues(options.data, 10**6)
    measure(engine, asked(user, replays[0], options.job), options.job, options.clock)  # kernels are set up
    rows = []
    for some in (replays[::10], replays, replays):
        prompts = [prompt for dialogue in some for prompt in asked(user, dialogue, options.job)]
        seconds, tokens = measure(engine, prompts, options.job, options.clock)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows.append(
            [len(some), len(prompts), tokens, f"{seconds:.2f}", f"{1000 * seconds / tokens:.3f}", f"{memory:.2f}"]
        )
    head = ["dialogues", "prompts", "tokens", "seconds", "ms a token", "peak memory, GiB"]
    print(tabulate(rows, head, tablefmt="github"), flush=True)
    rows = []
    for turns in TURNS:
        prompts = asked(user, strung(replays, turns), options.job)
        seconds, tokens = measure(engine, prompts, options.job, options.clock)
        rows.append([turns, len(prompts), tokens, f"{seconds:.2f}", f"{1000 * seconds / tokens:.3f}"])
    print(tabulate(rows, ["turns", "prompts", "tokens", "seconds", "ms a token"], tablefmt="github"))


if __name__ == "__main__":
    main()
