"""Is what a simulator takes with probability p liked in a share p of cases?

Decisions are sorted by their probability and cut into tenths of equal size. The calibration error is the mean distance
between a tenth's probability and the share that people liked, each tenth weighing its size (Naeini et al. 2015);
range [0, 1], 0 is calibrated. It says nothing of ranking: who answers the base rate everywhere has 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from interplay_bench.audits.validity.decisions import DecidedRun
from interplay_bench.audits.validity.figure import Figure, ValidityTable
from interplay_bench.environment.figure_file import save_figure
from interplay_bench.metrics.rates import rate, wilson
from interplay_bench.metrics.score import Score, signature

BINS = 10
NOTES = ("Each row: a tenth of the decisions, by their probability of acceptance. Liked: what people made of those.",)


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions of similar probability: the mean of it, and how many of ``asked`` people liked."""

    probability: float
    liked: int
    asked: int


def bins(decisions: Sequence[tuple[float, bool]], count: int = BINS) -> list[Bin]:
    """Cut ``(probability, liked)`` into ``count`` parts of equal size, by rising probability."""
    ordered = sorted(decisions, key=lambda each: each[0])
    edges = [len(ordered) * n // count for n in range(count + 1)]
    parts = [ordered[start:end] for start, end in pairwise(edges) if end > start]
    return [Bin(sum(p for p, _ in part) / len(part), sum(liked for _, liked in part), len(part)) for part in parts]


def calibration_error(decided: DecidedRun) -> Score:
    """The mean distance of a tenth's probability from the share that people liked."""
    found = bins(_known(decided))
    total = sum(each.asked for each in found)
    value = sum(each.asked * abs(each.probability - each.liked / each.asked) for each in found) / total
    described = signature("calibration-error", bins=BINS, cut="equal-size", version=1)
    return Score("calibration error", value, total, described, direction="lower")


def calibration_table(decided: DecidedRun) -> ValidityTable:
    """The curve as numbers."""
    figures = []
    for number, each in enumerate(bins(_known(decided)), start=1):
        mean = Score("P(accept)", each.probability, each.asked, signature("mean", of="P(accept)"))
        figures += [
            Figure(f"{number}", "P(accept)", mean),
            Figure(f"{number}", "liked by people", rate("liked by people", each.liked, each.asked, direction=None)),
        ]
    return ValidityTable(f"Calibration of {decided.name}", "tenth", tuple(figures), NOTES)


def draw_calibration(runs: Sequence[DecidedRun], path: Path) -> None:
    """Plot the share that people liked over P(accept), with Wilson intervals; the diagonal is calibrated."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(5, 4.5), layout="constrained")
    axes = picture.add_subplot()
    axes.plot([0, 1], [0, 1], "--", color="#999999", linewidth=1)
    for decided in runs:
        found = bins(_known(decided))
        if found:
            shares = [each.liked / each.asked for each in found]
            bounds = [wilson(each.liked, each.asked) for each in found]
            below = [max(0.0, share - low) for share, (low, _) in zip(shares, bounds, strict=True)]
            above = [max(0.0, high - share) for share, (_, high) in zip(shares, bounds, strict=True)]
            axes.errorbar(
                [each.probability for each in found], shares, [below, above], fmt="o-", capsize=3, label=decided.name
            )
    axes.set(xlabel="P(accept)", ylabel="share that people liked or took", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(picture, path)


def _known(decided: DecidedRun) -> list[tuple[float, bool]]:
    return [(d.probability, d.opinion.liked) for d in decided.decisions if d.probability is not None]
