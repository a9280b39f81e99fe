"""A run's scores and samples as collections that become data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interplay_bench.evaluation.sample import Sample, tally
from interplay_bench.metrics.score import Score

if TYPE_CHECKING:
    import pandas


class Scores(dict[str, Score]):
    """Scores by metric name."""

    def to_pandas(self) -> pandas.DataFrame:
        """A row per metric: value, n, signature, low, high, count, total, direction."""
        import pandas

        rows = [score.to_json() for score in self.values()]
        return pandas.DataFrame(rows, columns=list(Score.__slots__)).set_index("name")

    def __repr__(self) -> str:
        return f"<{'; '.join(map(str, self.values())) or 'no scores yet'}>"


class Samples(list[Sample]):
    """What happened to each dialogue, in order."""

    def to_pandas(self) -> pandas.DataFrame:
        """A row per dialogue: dialogue, user, outcome, and a column for each thing that is counted."""
        import pandas

        rows = [{"dialogue": each.dialogue, "user": each.user, "outcome": each.outcome, **each.counts} for each in self]
        return pandas.DataFrame(rows, columns=None if rows else ["dialogue", "user", "outcome"])

    def __repr__(self) -> str:
        outcomes = ", ".join(f"{name} {count}" for name, count in tally(self)["outcomes"].items())
        return f"<{len(self)} samples: {outcomes or 'none'}>"
