"""One value in a table, with what defends it, and how numbers are written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from interplay_bench.metrics.score import Score
from interplay_bench.reports.score_text import bounds, number


@dataclass(frozen=True)
class Cell:
    """A value with its 95% interval, and the integers behind a rate.

    ``printed``: the digits as the paper has them. ``derived``: count and interval are not the source's own, but
    recovered from the printed rate. ``best``: to be set in bold.
    """

    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None
    total: int | None = None
    n: int | None = None
    printed: str | None = None
    derived: bool = False
    best: bool = False

    @classmethod
    def of(cls, score: Score | None) -> Cell | None:
        """A measured score as a cell; ``None`` where it has no value."""
        if score is None or score.value is None:
            return None
        return cls(score.value, score.low, score.high, score.count, score.total, score.n)

    @cached_property
    def text(self) -> str:
        """The value as shown: four decimals, of larger numbers two; the paper's digits untouched."""
        return self.printed or number(self.value)

    @cached_property
    def interval(self) -> str:
        """The interval as shown; empty where there is none."""
        return bounds(self.value, self.low, self.high)

    @cached_property
    def fraction(self) -> str:
        """The integers behind a rate; empty where there are none, or so many that they say nothing."""
        return "" if self.count is None or self.total is None else f"{self.count}/{self.total}"
