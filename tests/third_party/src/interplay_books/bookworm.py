"""A user who takes every book."""

from collections.abc import Sequence

from interplay_bench import Decision, UserSimulator, Verdict, View, adapter


@adapter("bookworm")
class Bookworm(UserSimulator):
    """Takes every book."""

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Accept."""
        return [Decision(Verdict.ACCEPT) for _ in views]
