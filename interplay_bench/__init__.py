"""Benchmark harness for reference-free simulators of conversational recommendation.

The public API. To bring your own, subclass :class:`UserSimulator`, :class:`Recommender` or :class:`Task`, or write a
loader of a :class:`DialogueSet`, and register it with the decorators :func:`adapter`, :func:`task` and :func:`dataset`.
:func:`evaluate` runs an evaluation. Names are imported on first use, so that the command line starts fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interplay_bench.datasets.dataset_entry import dataset as dataset
    from interplay_bench.datasets.load import load_dataset as load_dataset
    from interplay_bench.dialogues.dialogue import Action as Action
    from interplay_bench.dialogues.dialogue import Dialogue as Dialogue
    from interplay_bench.dialogues.dialogue import Item as Item
    from interplay_bench.dialogues.dialogue import Mention as Mention
    from interplay_bench.dialogues.dialogue import Persona as Persona
    from interplay_bench.dialogues.dialogue import Role as Role
    from interplay_bench.dialogues.dialogue import SeenItem as SeenItem
    from interplay_bench.dialogues.dialogue import Turn as Turn
    from interplay_bench.dialogues.dialogue import View as View
    from interplay_bench.dialogues.dialogue_set import DialogueSet as DialogueSet
    from interplay_bench.dialogues.dialogue_set import Preprocessing as Preprocessing
    from interplay_bench.dialogues.dialogue_set import Source as Source
    from interplay_bench.dialogues.markup import Malformed as Malformed
    from interplay_bench.engines.engine_entry import engine as engine
    from interplay_bench.engines.language_model import Choice as Choice
    from interplay_bench.engines.language_model import Generation as Generation
    from interplay_bench.engines.language_model import LanguageModel as LanguageModel
    from interplay_bench.engines.language_model import Sampling as Sampling
    from interplay_bench.environment.errors import InterplayError as InterplayError
    from interplay_bench.evaluation.evaluate import evaluate as evaluate
    from interplay_bench.evaluation.metric import Metric as Metric
    from interplay_bench.evaluation.metric import metric as metric
    from interplay_bench.evaluation.run import Run as Run
    from interplay_bench.evaluation.run_comparison import compare as compare
    from interplay_bench.evaluation.sample import Sample as Sample
    from interplay_bench.evaluation.task import Task as Task
    from interplay_bench.evaluation.task import task as task
    from interplay_bench.metrics.aggregation import Auc as Auc
    from interplay_bench.metrics.aggregation import Distinct as Distinct
    from interplay_bench.metrics.aggregation import Mean as Mean
    from interplay_bench.metrics.aggregation import Rate as Rate
    from interplay_bench.metrics.score import Score as Score
    from interplay_bench.simulation.episode import Episode as Episode
    from interplay_bench.simulation.export import export_format as export_format
    from interplay_bench.simulators.adapter import Adapter as Adapter
    from interplay_bench.simulators.adapter import Decision as Decision
    from interplay_bench.simulators.adapter import Recommender as Recommender
    from interplay_bench.simulators.adapter import Reply as Reply
    from interplay_bench.simulators.adapter import UserSimulator as UserSimulator
    from interplay_bench.simulators.adapter import Verdict as Verdict
    from interplay_bench.simulators.adapter import adapter as adapter

_HOME = {
    "datasets.load": ("load_dataset",),
    "datasets.dataset_entry": ("dataset",),
    "dialogues.dialogue": ("Action", "Dialogue", "Item", "Mention", "Persona", "Role", "SeenItem", "Turn", "View"),
    "dialogues.dialogue_set": ("DialogueSet", "Preprocessing", "Source"),
    "dialogues.markup": ("Malformed",),
    "environment.errors": ("InterplayError",),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.metric": ("Metric", "metric"),
    "evaluation.sample": ("Sample",),
    "evaluation.task": ("Task", "task"),
    "metrics.aggregation": ("Auc", "Distinct", "Mean", "Rate"),
    "metrics.score": ("Score",),
    "engines.engine_entry": ("engine",),
    "engines.language_model": ("Choice", "Generation", "LanguageModel", "Sampling"),
    "evaluation.run": ("Run",),
    "evaluation.run_comparison": ("compare",),
    "simulation.episode": ("Episode",),
    "simulation.export": ("export_format",),
    "simulators.adapter": ("Adapter", "Decision", "Recommender", "Reply", "UserSimulator", "Verdict", "adapter"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'interplay_bench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"interplay_bench.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
