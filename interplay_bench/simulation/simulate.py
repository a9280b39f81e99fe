"""A whole simulation: dialogues as they end into a run directory, resumed after any interruption, then its corpus.

The directory is that of a run of the task ``interplay`` (``run.json``, ``samples.jsonl``), so that ``table``,
``compare`` and ``show`` read it; ``dialogues.jsonl`` and the data card ``README.md`` are made of it at the end. A
dialogue is written as one line the moment it ends: SIGKILL loses those in flight, which a resumed run says again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interplay_bench.datasets.load import first_dialogues, item_catalog, load_dataset
from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.processes import Processes
from interplay_bench.environment.progress import Progress, silent
from interplay_bench.evaluation.evaluate import check_request, new_record
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_directory import check_output
from interplay_bench.evaluation.run_loop import run_loop
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.settings import data_options
from interplay_bench.simulation.corpus import write_corpus
from interplay_bench.simulation.corpus_leaks import leakage
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.pair import KeepsPrefixes, Pair
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulation.simulation_task import SimulationTask
from interplay_bench.simulation.transitions import transitions
from interplay_bench.simulators.adapter import usage_of
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from interplay_bench.simulators.model_spec import Model


def simulate(
    request: SimulationRequest,
    output: Path | None = None,
    *,
    resume: bool = False,
    progress: Progress = silent,
    models: tuple[Model, Model] | None = None,
) -> Run:
    """Let a user and a recommender talk about every persona; return the finished run.

    ``models``: the two, where the caller has built them already. Raises an
    :class:`~interplay_bench.environment.errors.InterplayError` for everything that a caller can get wrong.
    """
    _check(request)
    check_output(output, resume, Processes.here())
    task = SimulationTask.from_settings(request.task_options(), request.seed)
    request.models()
    source = load_dataset(request.dataset, request.data, request.split, data_options(request.settings))
    dialogues = first_dialogues(source.dialogues, request.limit)
    catalog = item_catalog(source, request.data)
    task.prepare(catalog)
    with _built(request, models) as (user, recommender):
        pair = Pair.of(user.adapter, recommender.adapter, catalog, (user.name, recommender.name))
        _keep_prefixes(user, recommender)
        record = new_record(
            task, user, source, len(dialogues), request.evaluation(), request.command(), recommender
        )  # fmt: skip
        config = SimulationConfig(request.max_turns, request.window, request.decisions)

        def work(plan: Sequence[range]) -> Iterator[tuple[list[int], list[Sample]]]:
            todo = {number: dialogues[number] for window in plan for number in window}
            for number, episode in converse(pair, todo, catalog.titles, config):
                yield [number], [episode.sample()]

        def finish(folder: Path, samples: Sequence[Sample]) -> Mapping[str, Any]:
            episodes = [Episode.of(sample) for sample in samples]
            write_corpus(folder, episodes)
            return {
                "usage": {"user": usage_of(user.adapter), "recommender": usage_of(recommender.adapter)},
                "transitions": transitions(episodes),
                "leaks": leakage((user, recommender), episodes),
            }

        return run_loop(
            task, record, dialogues, work, window=1, output=output, resume=resume, progress=progress, finish=finish
        )


def _check(request: SimulationRequest) -> None:
    check_request(request.seed)
    if request.limit is not None and request.limit < 1:
        raise UsageError(f"--limit must be at least 1, not {request.limit}.")
    if request.max_turns < 1:
        raise UsageError(f"--max-turns must be at least 1, not {request.max_turns}.")
    if request.temperature is not None and not request.temperature >= 0:
        raise UsageError(f"--temperature must be at least 0, not {request.temperature:g}.")
    if request.top_p is not None and not 0 < request.top_p <= 1:
        raise UsageError(f"--top-p must be above 0 and at most 1, not {request.top_p:g}.")
    if request.window < 1:
        raise UsageError(f"--batch must be at least 1, not {request.window}.")


@contextmanager
def _built(request: SimulationRequest, models: tuple[Model, Model] | None) -> Iterator[tuple[Model, Model]]:
    """The two models; those built here are closed in the end."""
    if models is not None:
        yield models
        return
    built = request.build()
    try:
        yield built
    finally:
        for adapter in dict.fromkeys(model.adapter for model in built):
            adapter.close()


def _keep_prefixes(*models: Model) -> None:
    """A dialogue grows turn by turn: what an engine computed for its beginning serves the next turn."""
    for model in models:
        adapter = model.adapter
        if isinstance(adapter, LanguageModelSimulator) and isinstance(adapter.model, KeepsPrefixes):
            adapter.model.remember()
