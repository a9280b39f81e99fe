"""The one function behind the command line, the pytest plugin and the library: :func:`evaluate`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.datasets.load import first_dialogues, item_catalog, load_dataset
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import IncompatibleModelError, UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.processes import Processes
from interplay_bench.environment.progress import Progress, silent
from interplay_bench.environment.provenance import machine, project, revision, versions
from interplay_bench.environment.secrets import without_secrets
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_directory import check_output
from interplay_bench.evaluation.run_loop import run_loop
from interplay_bench.evaluation.run_record import SCHEMA, RunRecord
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.settings import data_options, engine_options, task_options
from interplay_bench.evaluation.shard import Shard
from interplay_bench.evaluation.task import TASKS, Task
from interplay_bench.plugins.plugin_file import code_hashes, loaded_plugins
from interplay_bench.simulators.adapter import Adapter, CatalogAware, usage_of
from interplay_bench.simulators.model_spec import AdapterInstance, Model, ModelSpec, find, find_both, taken


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """An evaluation as it is asked for.

    ``settings`` are the task's options as texts, and ``engine.*`` keys for the model's engine. ``limit``: only the
    first so many dialogues of the split. ``data``: a file, folder or hub id for the data set.
    """

    task: str
    model: str
    dataset: str = "sample"
    data: str | None = None
    split: str = "test"
    limit: int | None = None
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self) -> str:
        """The command that makes the same run, with the plugins that are loaded."""
        words = ["interplay-bench", "run", "--task", self.task, "--model", self.model, "--dataset", self.dataset]
        words += ["--data", self.data] if self.data is not None else []
        words += ["--split", self.split]
        words += ["--limit", str(self.limit)] if self.limit is not None else []
        words += ["--seed", str(self.seed)] if self.seed else []
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        for plugin in loaded_plugins():
            words += ["--plugin", str(plugin)]
        return shlex.join(words)


def evaluate(
    task: str,
    model: str | Adapter | Model,
    dataset: str | DialogueSet = "sample",
    *,
    data: Path | str | None = None,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    output: Path | str | None = None,
    resume: bool = False,
    progress: Progress = silent,
    shard: Shard | None = None,
) -> Run:
    """Evaluate ``model`` on ``task`` over the dialogues of ``dataset`` and keep everything in a run directory.

    ``model``: a name as on the command line, an adapter of yours, or a model that is built already and stays open.
    ``output`` is that directory (default: a new one under ``runs/``). With ``resume`` an interrupted run goes on
    where it stopped, with the same result as an undisturbed one. ``shard``: only a share of the dialogues, to be put
    together with the others by :func:`~interplay_bench.evaluation.merge.merge`. Raises an :class:`InterplayError` with
    a one-line fix for everything that a caller can get wrong.
    """
    given = {key: _text(value) for key, value in (settings or {}).items()}
    data = None if data is None else str(data)
    check_request(seed)
    evaluation = TASKS.find(task).from_settings(task_options(given), seed)
    # Names, then the folder, then the data, then the weights: the cheapest mistake is found first.
    found, other = _find(model, evaluation.partner(), engine_options(given))
    output = None if output is None else typed_path(output)
    check_output(output, resume, Processes.here())
    source = dataset if isinstance(dataset, DialogueSet) else load_dataset(dataset, data, split, data_options(given))
    dialogues = first_dialogues(source.dialogues, limit)
    catalog = item_catalog(source, data)
    evaluation.prepare(catalog)
    built = found if isinstance(found, Model) else found.build(seed)
    before = usage_of(built.adapter)
    partner = None
    try:
        _check_role(evaluation, built)
        evaluation.check(built.adapter)
        if isinstance(built.adapter, CatalogAware):
            built.adapter.set_catalog(catalog)
        if other is not None:
            partner = other.build(seed)
            evaluation.meet(partner)
        data = source.source.data if source.source is not None else data
        request = EvaluationRequest(task, built.name, source.name, data, source.split, limit, seed, given)
        nameable = not isinstance(model, Adapter) and source.source is not None
        record = new_record(
            evaluation, built, source, len(dialogues), request, request.command() if nameable else None,
            partner,
        )  # fmt: skip

        def work(plan: Sequence[range]) -> Iterator[tuple[range, list[Sample]]]:
            for window in plan:
                yield window, evaluation.evaluate(built.adapter, [dialogues[i] for i in window])

        def finish(folder: Path, samples: Sequence[Sample]) -> Mapping[str, Any]:
            return {"usage": usage_of(built.adapter, before)}

        return run_loop(
            evaluation, record, dialogues, work, window=built.adapter.window, output=output, resume=resume,
            progress=progress, finish=finish, shard=shard,
        )  # fmt: skip
    finally:
        if built is not model:
            built.adapter.close()
        if partner is not None:
            partner.adapter.close()


def _text(value: object) -> str:
    """A setting as it is typed: ``true`` for ``True``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _find(
    model: str | Adapter | Model, partner: str | None, engine: Mapping[str, str]
) -> tuple[AdapterInstance | ModelSpec | Model, ModelSpec | None]:
    """The model to evaluate, and the one that it meets, where the task has one: each with the options that it takes."""
    if isinstance(model, str):
        return find_both(model, partner, engine)
    found = AdapterInstance(model) if isinstance(model, Adapter) else model
    return found, find(partner, taken((partner,), engine)) if partner else None


def check_request(seed: int) -> None:
    """Raise for a seed that no random generator takes."""
    if not 0 <= seed < 2**63:
        raise UsageError(f"The seed must be at least 0 and below 2**63, not {seed}.")


def new_record(
    task: Task[Any, Any],
    model: Model,
    source: DialogueSet,
    dialogues: int,
    request: EvaluationRequest,
    command: str | None,
    recommender: Model | None = None,
) -> RunRecord:
    """The record of a run that is about to begin."""
    return RunRecord.parse(without_secrets({
        "schema": SCHEMA,
        "status": "running",
        "task": {
            "name": task.name,
            "version": task.version,
            "options": asdict(task.options),
            "resolved": dict(task.resolved()),
        },
        "model": model.record(),
        **({"recommender": recommender.record()} if recommender else {}),
        "dataset": {
            "name": source.name,
            "split": source.split,
            "synthetic": source.synthetic,
            "fingerprint": source.fingerprint,
            "dialogues": dialogues,
            "users": len({dialogue.user_id for dialogue in source.dialogues[:dialogues]}),
            "preprocessing": source.preprocessing.to_json(),
        },
        "request": asdict(request),
        "command": command,
        "code": _code(task, model, source, recommender),
        "versions": versions(),
        "git": revision(),
        **({"project": found} if (found := project()) else {}),
        "machine": machine(),
    }))  # fmt: skip


def _code(task: Task[Any, Any], model: Model, source: DialogueSet, recommender: Model | None) -> dict[str, str]:
    """The hashes of other people's code that takes part."""
    models = [model, *([recommender] if recommender else [])]
    entry = DATASETS.all().get(source.name)
    loader = [entry.loader] if entry else []
    return code_hashes(type(task), *(part for each in models for part in each.adapter.code()), *loader)


def _check_role(task: Task[Any, Any], model: Model) -> None:
    if task.role not in model.adapter.roles:
        raise IncompatibleModelError(
            f"The task {task.name!r} evaluates a {task.role}, which the model {model.name!r} is not."
        )
