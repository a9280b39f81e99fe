"""One epoch of BPR with items from texts, beside one of implicit's embeddings; then how fast a trained model answers.

    python benchmarks/match_score.py --interactions 32000000 --users 200000 --items 88000 --output match_score.json

Interactions are generated: long-tailed items (Zipf), users as active as MovieLens' are (log-normal). Both run one epoch
over the same positives in this process, one after the other, on ``--threads`` threads; compilation is not counted.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np


def generate(count: int, users: int, items: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positives, each once: (users, items), int32."""
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0, 1.3, users)
    popularity = 1 / np.arange(1, items + 1) ** 0.9
    drawn = int(count * 1.6)
    u = np.searchsorted(np.cumsum(activity) / activity.sum(), rng.random(drawn)).clip(max=users - 1)
    i = np.searchsorted(np.cumsum(popularity) / popularity.sum(), rng.random(drawn)).clip(max=items - 1)
    pairs = np.unique(u.astype(np.int64) * items + i)
    pairs = rng.choice(pairs, min(count, len(pairs)), replace=False)
    return (pairs // items).astype(np.int32), (pairs % items).astype(np.int32)


def measure_ours(
    users: np.ndarray, items: np.ndarray, shape: tuple[int, int], width: int, dim: int, batch: int
) -> float:
    """Seconds of an epoch."""
    from interplay_bench.metrics.match_score.bpr import BPR, Factors, Rates

    text = np.random.default_rng(0).normal(size=(shape[1], width)).astype(np.float32)
    trainer = BPR(Factors.start(text, shape[0], dim, 0), Rates(), batch)
    trainer.step(users[:10], items[:10], items[10:20])
    began = time.perf_counter()
    trainer.epoch(users, items)
    return time.perf_counter() - began


def measure_implicit(users: np.ndarray, items: np.ndarray, shape: tuple[int, int], dim: int, threads: int) -> float:
    """Seconds of an epoch: of two, less one, so that setting up is not counted."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    seconds = []
    for epochs in (1, 3):
        model = BayesianPersonalizedRanking(factors=dim, iterations=epochs, num_threads=threads, random_state=0)
        began = time.perf_counter()
        model.fit(matrix, show_progress=False)
        seconds.append(time.perf_counter() - began)
    return (seconds[1] - seconds[0]) / 2


def measure_answers(items: int, dim: int) -> tuple[float, float]:
    """Seconds that loading takes, and pairs scored in a second."""
    from interplay_bench.dialogues.dialogue import Item
    from interplay_bench.metrics.match_score import artefact
    from interplay_bench.metrics.match_score.scorer import Scorer

    rng = np.random.default_rng(0)
    titles = tuple(Item(str(n), f"Film {n}", 1950 + n % 70) for n in range(items))
    with tempfile.TemporaryDirectory() as folder:
        vectors = rng.normal(size=(items, dim)).astype(np.float32)
        artefact.save(Path(folder), vectors, np.eye(dim, dtype=np.float32), titles, {})
        began = time.perf_counter()
        scorer = Scorer.load(Path(folder))
        loaded = time.perf_counter() - began
    pairs = rng.integers(0, items, (2, 1_000_000))
    began = time.perf_counter()
    scorer.similarities(*pairs)
    return loaded, 1_000_000 / (time.perf_counter() - began)


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=384, help="of an item's text vector")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1 << 19)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="paired runs; medians are reported")
    parser.add_argument("--output", type=Path)
    parsed = parser.parse_args()
    users, items = generate(parsed.interactions, parsed.users, parsed.items, 0)
    shape = (parsed.users, parsed.items)
    ours, theirs = [], []
    for _ in range(parsed.rounds):
        ours.append(measure_ours(users, items, shape, parsed.width, parsed.dim, parsed.batch))
        theirs.append(measure_implicit(users, items, shape, parsed.dim, parsed.threads))
    loaded, answered = measure_answers(parsed.items, parsed.dim)
    result = {
        "interactions": len(users),
        "ours_seconds": round(float(np.median(ours)), 2),
        "implicit_seconds": round(float(np.median(theirs)), 2),
        "ratio": round(float(np.median(np.array(ours) / np.array(theirs))), 2),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "load_seconds": round(loaded, 3),
        "pairs_per_second": round(answered),
        "arguments": {name: str(value) for name, value in vars(parsed).items() if name != "output"},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    print(json.dumps(result, indent=2))
    if parsed.output:
        parsed.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
