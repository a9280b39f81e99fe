"""A picture like the paper's Figure 3: who wins by which criterion."""

from __future__ import annotations

from pathlib import Path

from interplay_bench.environment.figure_file import save_figure
from interplay_bench.study.study_report import StudyReport


def draw_preferences(report: StudyReport, path: Path) -> None:
    """Draw each criterion's win ratio with its interval and, beside it, the share of ties; * where it is significant.

    The format is the file's suffix. The same report draws the same bytes.
    """
    import matplotlib
    from matplotlib.figure import Figure

    known = [each for each in report.criteria if each.preference.ratio is not None]
    figure = Figure(figsize=(7, 0.6 * len(known) + 1.6), layout="constrained")
    axes = figure.add_subplot()
    for place, each in enumerate(known):
        found = each.preference
        ratio = found.ratio or 0.0
        axes.barh(place, ratio, color="#3366aa")
        axes.barh(place, 1 - ratio, left=ratio, color="#ddaa66")
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [place, place], color="black", marker="|")
        star = " *" if each.significant else ""
        ties = found.ties / (found.wins + found.ties + found.losses)
        axes.text(1.01, place, f"{ratio:.2f}{star}  ties {ties:.0%}", va="center", fontsize=8)
    axes.axvline(0.5, color="black", linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(known)), [each.name for each in known])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="win ratio of A (blue) against B, with 95% intervals")
    with matplotlib.rc_context({"svg.hashsalt": "interplay-bench"}):
        save_figure(figure, path)
