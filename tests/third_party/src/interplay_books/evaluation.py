"""Count dialogues."""

from collections.abc import Mapping, Sequence
from typing import Any

from interplay_bench import Dialogue, Metric, Role, Sample, Score, Task, UserSimulator, task


class Count:
    """How many values there are: an aggregation of one's own."""

    def score(self, name: str, values: Sequence[object], clusters: Sequence[object], **how: Any) -> Score:
        """Count."""
        return Score(name, len(values), len(values), name)

    def compare(self, a: Sequence[object], b: Sequence[object], clusters: Sequence[object]) -> None:
        """There is no test for it."""
        return None


def _each(task: object, samples: Sequence[Sample]) -> Mapping[tuple[int, int], bool]:
    return {(i, 0): True for i in range(len(samples))}


@task("book_count")
class BookCount(Task[None, UserSimulator]):
    """Count dialogues."""

    role = Role.USER
    metrics = (Metric("dialogues", "how many there are", Count(), _each),)

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Count each."""
        return [Sample(dialogue.id, dialogue.user_id, "counted") for dialogue in dialogues]
