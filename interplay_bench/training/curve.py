"""The loss curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interplay_bench.environment.figure_file import save_figure


def draw(losses: Sequence[dict[str, float]], title: str, path: Path) -> bool:
    """Draw training and held-out loss (nats per supervised token) over steps; False where matplotlib is not there."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([r["step"] for r in losses], [r["loss"] for r in losses], linewidth=0.8, label="training")
    held = [(r["step"], r["validation"]) for r in losses if "validation" in r]
    if held:
        axes.plot(*zip(*held, strict=True), marker="o", markersize=3, label="held out")
    axes.set(xlabel="step", ylabel="loss (nats per token)", title=title)
    axes.legend()
    save_figure(figure, path)
    return True
