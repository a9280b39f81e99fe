"""Completion in the shell, by argcomplete: commands, options, and the names of tasks, models and data sets.

``pip install 'interplay-bench[completion]'``, then ``eval "$(register-python-argcomplete interplay-bench)"`` in the
shell's start-up file.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping


def _tasks() -> list[str]:
    from interplay_bench.evaluation.task import TASKS

    return list(TASKS.all())


def _models() -> list[str]:
    from interplay_bench.simulators.model_spec import model_summaries

    return list(model_summaries())


def _datasets() -> list[str]:
    from interplay_bench.datasets.dataset_entry import DATASETS

    return list(DATASETS.all())


NAMES: Mapping[str, Callable[[], list[str]]] = {
    "task": _tasks,
    "model": _models,
    "user": _models,
    "users": _models,
    "recommender": _models,
    "recommenders": _models,
    "card": _models,
    "dataset": _datasets,
}
"""What completes the values of an option; of several between commas, the last."""


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, which has put what was typed into the environment, and exit."""
    import argcomplete

    _teach(parser)
    argcomplete.autocomplete(parser)


def _teach(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _teach(each)
        elif action.dest in NAMES:
            action.completer = _completer(NAMES[action.dest])  # type: ignore[attr-defined]


def _completer(names: Callable[[], list[str]]) -> Callable[..., list[str]]:
    def matching(prefix: str, **_: object) -> list[str]:
        before = prefix[: prefix.rfind(",") + 1]
        return [f"{before}{name}" for name in names()]

    return matching
