"""Benchmark harness for reference-free simulators of conversational recommendation.

What you need to bring your own: a :class:`UserSimulator` or :class:`Recommender`, a :class:`Task`, or a loader of a
:class:`DialogueSet`, each named by a decorator of :mod:`interplay_bench.registry`.
:func:`interplay_bench.runner.evaluate` runs an evaluation.
"""

from interplay_bench.adapter import Adapter, Decision, Recommender, Reply, UserSimulator, Verdict
from interplay_bench.dataset import DialogueSet, Preprocessing, Source
from interplay_bench.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn, View
from interplay_bench.errors import InterplayError
from interplay_bench.markup import Malformed
from interplay_bench.results import Score
from interplay_bench.task import Sample, Task

__all__ = [
    "Action",
    "Adapter",
    "Decision",
    "Dialogue",
    "DialogueSet",
    "InterplayError",
    "Item",
    "Malformed",
    "Mention",
    "Persona",
    "Preprocessing",
    "Recommender",
    "Reply",
    "Role",
    "Sample",
    "Score",
    "SeenItem",
    "Source",
    "Task",
    "Turn",
    "UserSimulator",
    "Verdict",
    "View",
]
