"""How a number stands in a report: values, intervals, p values, directions. The one place that formats them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interplay_bench.metrics.score import Direction, Score

if TYPE_CHECKING:
    from interplay_bench.evaluation.run_record import DatasetRecord

NOTHING = "-"
LARGE = 10
"""From here on, a number has two decimals instead of four, and its interval one instead of three."""


def number(value: float | None) -> str:
    """A metric's value."""
    if value is None:
        return NOTHING
    return f"{value:.4f}" if abs(value) < LARGE else f"{value:.2f}"


def bounds(value: float | None, low: float | None, high: float | None) -> str:
    """An interval, in brackets, with the decimals that suit ``value``; empty where there is none."""
    if low is None or high is None:
        return ""
    digits = 3 if abs(value or 0) < LARGE else 1
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def interval(score: Score) -> str:
    """A score's interval, or a dash."""
    return bounds(score.value, score.low, score.high) or NOTHING


def fraction(score: Score) -> str:
    """The integers behind a rate; empty where there are none."""
    return "" if score.count is None else f"{score.count}/{score.total}"


def value(score: Score | None) -> str:
    """A score's value with the integers behind it."""
    if score is None or score.value is None:
        return NOTHING
    return " ".join(filter(None, (number(score.value), fraction(score))))


def cell(score: Score | None) -> str:
    """All there is to say in a table's cell: value, interval, integers."""
    if score is None or score.value is None:
        return NOTHING
    shown = (number(score.value), bounds(score.value, score.low, score.high), fraction(score))
    return " ".join(filter(None, shown))


def heading(name: str, direction: Direction | None) -> str:
    """A metric's name, with an arrow that says which way is better."""
    return name + {"higher": " ↑", "lower": " ↓", None: ""}[direction]


def p_value(p: float | None) -> str:
    """A p value; very small ones as a bound."""
    return NOTHING if p is None else "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def data_heading(data: DatasetRecord) -> str:
    """The data set, its split, and whether it was composed."""
    return f"{data.name}/{data.split}{', synthetic' if data.synthetic else ''}"
