"""A run's scores as a picture: each with its interval, every metric on a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interplay_bench.environment.errors import RunError
from interplay_bench.metrics.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_scores(scores: Sequence[Score], title: str) -> Figure:
    """A panel for each metric that has a value."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [score for score in scores if score.value is not None]
    if not shown:
        raise RunError("There is no score to plot: the run is not finished, or has no value of any metric.")
    figure = Figure(figsize=(6, 0.8 * len(shown) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, score in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
        value = float(score)
        if score.low is not None and score.high is not None:
            axes.plot([score.low, score.high], [0, 0], color="#3366aa", linewidth=2)
        axes.plot([value], [0], "o", color="#3366aa")
        if score.total is not None and score.count is not None and 0 <= value <= 1:
            axes.set_xlim(-0.03, 1.03)
        axes.set_yticks([0], [score.name])
        axes.grid(axis="x", alpha=0.3)
    figure.suptitle(title, fontsize=11)
    return figure
