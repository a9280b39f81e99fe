"""How often a rate's interval holds the truth where each user has several outcomes: by users, and Wilson's alone.

    python benchmarks/coverage.py [--trials N]

Users' own rates are drawn from a beta distribution around the truth; the intra-class correlation says how far they
differ. With sizes "varied" users have between one outcome and twice as many as on average.
"""

from __future__ import annotations

import argparse
import random

from tabulate import tabulate

from interplay_bench.metrics.rates import clustered_wilson, wilson

SETTINGS = ((50, 0.05, 0.3), (5, 0.3, 0.3), (5, 0.1, 0.9), (10, 0.3, 0.05))
"""Outcomes of a user, intra-class correlation, and the true rate."""


def outcomes(rng: random.Random, size: int, correlation: float, rate: float) -> list[bool]:
    """One user's outcomes."""
    spread = (1 - correlation) / correlation
    own = rng.betavariate(rate * spread, (1 - rate) * spread)
    return [rng.random() < own for _ in range(size)]


def covered(users: int, varied: bool, setting: tuple[int, float, float], trials: int) -> list[float]:
    """The share of trials whose interval holds the true rate: by users, Wilson's alone."""
    size, correlation, truth = setting
    rng = random.Random(0)
    hits = [0, 0]
    for _ in range(trials):
        sizes = [rng.randint(1, 2 * size - 1) if varied else size for _ in range(users)]
        drawn = [outcomes(rng, each, correlation, truth) for each in sizes]
        flat = [value for each in drawn for value in each]
        of = [user for user, each in enumerate(drawn) for _ in each]
        for way, (low, high) in enumerate((clustered_wilson(flat, of), wilson(sum(flat), len(flat)))):
            hits[way] += low <= truth <= high
    return [count / trials for count in hits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=3000)
    trials = parser.parse_args().trials
    rows = [
        [users, "varied" if varied else "equal", *setting, *covered(users, varied, setting, trials)]
        for users in (5, 10, 20, 30)
        for varied in (False, True)
        for setting in SETTINGS
    ]
    headers = ["users", "sizes", "outcomes each", "correlation", "rate", "by users", "Wilson"]
    print(tabulate(rows, headers, tablefmt="github", floatfmt=("", "", "", "", "", ".3f", ".3f")))


if __name__ == "__main__":
    main()
