"""What it costs to bind a recommender to the catalogue: time per written token, beside the markup's grammar alone.

    python benchmarks/bound.py [--data REDIAL] [--dialogues N] [--rounds N]

The shipped recommender writes at the turns where the gold one gives the target. Both ways read the same prompts; rounds
are interleaved, and the ratio is the median over them. Also: how long the titles take to be compiled, once a run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from tabulate import tabulate

from interplay_bench.datasets.load import first_dialogues, item_catalog, load_dataset
from interplay_bench.dialogues.dialogue import Role
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Generation, Sampling
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.items.written_titles import written_titles
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from interplay_bench.simulators.model_spec import find


def milliseconds(engine: TransformersModel, prompts: Sequence[Prompt], sampling: Sampling, clock: str) -> float:
    """Time per written token, the reading of the prompts included."""
    now = time.perf_counter if clock == "wall" else time.process_time
    began = now()
    texts = engine.generate(prompts, sampling)
    seconds = now() - began
    return 1000 * seconds / sum(text.completion_tokens or 0 for text in texts if isinstance(text, Generation))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="ReDial's folder or test_data.jsonl; the sample where absent")
    parser.add_argument("--dialogues", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: for busy machines, one thread")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    source = load_dataset("redial" if options.data else "sample", options.data)
    model = find("recsim-smollm2", {"dtype": "float32"}).build().adapter
    assert isinstance(model, LanguageModelSimulator)
    engine = model.model
    assert isinstance(engine, TransformersModel)
    targets = ((each, each.target_turn()) for each in first_dialogues(source.dialogues, options.dialogues))
    prompts = [model.prompt(each.view(Role.RECOMMENDER, at)) for each, at in targets if at is not None]
    titles = item_catalog(source, options.data).titles
    began = time.perf_counter()
    engine.bind(written_titles(titles))
    print(f"{len(titles)} items compiled in {time.perf_counter() - began:.2f} s", flush=True)
    ways = {"guided": replace(model.sampling, guided=True), "bound": replace(model.sampling, guided="catalogue")}
    engine.generate(prompts[:2], ways["bound"])  # kernels are set up
    rounds = [
        {way: milliseconds(engine, prompts, how, options.clock) for way, how in ways.items()}
        for _ in range(options.rounds)
    ]
    rows = [[n, *(f"{each[way]:.2f}" for way in ways), f"{each['bound'] / each['guided']:.3f}"]
            for n, each in enumerate(rounds, start=1)]  # fmt: skip
    print(tabulate(rows, ["round", *(f"{way}, ms a token" for way in ways), "ratio"], tablefmt="github"))
    print(f"median ratio {statistics.median(each['bound'] / each['guided'] for each in rounds):.3f}")


if __name__ == "__main__":
    main()
