"""Live interplay: the user simulator meets a recommender, neither knowing the target (paper, sections 3.6 and 5.3)."""

from __future__ import annotations

from interplay_bench.evaluation.task import task
from interplay_bench.simulation.simulation_task import SimulationTask


@task("interplay")
class Interplay(SimulationTask):
    """Let a user and a recommender talk: acceptance, turns, repetitions, agreement with the unseen target, diversity.

    One dialogue per persona of the data set, opened by its scripted turns. ``interplay-bench simulate`` does the same
    with batches that stay full and writes a corpus.
    """
