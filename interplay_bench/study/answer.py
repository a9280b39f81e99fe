"""One click: what an annotator answered to one criterion of one page."""

from __future__ import annotations

from dataclasses import dataclass

from interplay_bench.environment.errors import UsageError
from interplay_bench.study.plan import Plan, Showing


@dataclass(frozen=True, slots=True)
class Answer:
    """``page`` counts an annotator's showings from 1; ``at`` is when they last answered, in seconds since 1970.

    ``criterion`` is a question's key: a criterion, or ``relevance@4`` of the fourth turn. ``choice``: ``left``,
    ``right``, ``tie``, or the number of a scale's level, from 0.
    """

    annotator: str
    page: int
    criterion: str
    choice: str
    at: float = 0.0

    def check(self, plan: Plan) -> None:
        """Raise a :class:`UsageError` where the plan asks no such thing."""
        pages = plan.pages(self.annotator)
        if not pages:
            raise UsageError(f"The study has no annotator {self.annotator!r}.")
        if not 1 <= self.page <= len(pages):
            raise UsageError(f"{self.annotator} has no page {self.page}.")
        asked = {question.key: question for question in plan.questions(self.showing(plan))}
        if self.criterion not in asked:
            raise UsageError(f"Page {self.page} of {self.annotator} does not ask {self.criterion!r}.")
        choices = asked[self.criterion].choices
        if self.choice not in choices:
            raise UsageError(f"{self.choice!r} is no answer to {self.criterion}: {', '.join(choices)}.")

    def showing(self, plan: Plan) -> Showing:
        """What was on the page."""
        return plan.pages(self.annotator)[self.page - 1]
