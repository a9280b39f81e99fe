"""A picture of how often a model accepts, by the recommendation's place in the dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interplay_bench.environment.figure_file import save_figure
from interplay_bench.metrics.rates import wilson


def draw_accept_rates(rates: Sequence[tuple[int, int, int]], path: Path) -> None:
    """Plot ``(place, accepted, asked)`` with Wilson intervals. A flat line knows no position, a slope does."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    places = [place for place, _, _ in rates]
    shares = [accepted / asked for _, accepted, asked in rates]
    bounds = [wilson(accepted, asked) for _, accepted, asked in rates]
    below = [max(0.0, share - low) for share, (low, _) in zip(shares, bounds, strict=True)]
    above = [max(0.0, high - share) for share, (_, high) in zip(shares, bounds, strict=True)]
    axes.errorbar(places, shares, yerr=[below, above], fmt="o-", capsize=3, color="#3366aa")
    for place, share, (_, _, asked) in zip(places, shares, rates, strict=True):
        axes.annotate(f"n={asked}", (place, share), textcoords="offset points", xytext=(6, 5), fontsize=7)
    axes.set(xlabel="recommendation, by its place in the dialogue", ylabel="share accepted", ylim=(-0.03, 1.03))
    axes.set_xticks(places)
    axes.grid(alpha=0.3)
    save_figure(figure, path)
