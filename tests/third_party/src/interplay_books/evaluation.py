"""Count dialogues."""

from collections.abc import Sequence

from interplay_bench import Dialogue, Role, Sample, Score, Task, UserSimulator
from interplay_bench.registry import task


@task("book_count")
class BookCount(Task[None, UserSimulator]):
    """Count dialogues."""

    role = Role.USER
    metrics = ("dialogues",)

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Count each."""
        return [Sample(dialogue.id, dialogue.user_id, "counted") for dialogue in dialogues]

    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """Sum up."""
        return [Score("dialogues", len(samples), len(samples), "dialogues")]
