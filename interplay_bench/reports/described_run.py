"""A run's dialogues with what the model did in each: what the transcript and the page render."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.environment.errors import MissingDataError, RunError, UsageError
from interplay_bench.evaluation.damaged_samples import readable
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_record import RequestRecord
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.sample_description import SampleDescription
from interplay_bench.evaluation.settings import data_options

INSTEAD = "said instead"
"""What a reply is headed by whose action is not known."""


@dataclass(frozen=True, slots=True)
class DescribedSample:
    """A sample, the dialogue that it is about, and what its task says of it.

    ``made``: the dialogue is the run's own, not the data set's.
    """

    sample: Sample
    dialogue: Dialogue
    description: SampleDescription
    made: bool


def described(run: Run, outcome: str | None = None) -> Iterator[DescribedSample]:
    """The samples in order; only those with ``outcome`` where it is given.

    The data set is read where the samples do not hold their own dialogues; a :class:`RunError` where it has changed.
    """
    from pydantic import TypeAdapter

    samples = run.samples
    if outcome is not None and outcome not in {sample.outcome for sample in samples}:
        known = ", ".join(sorted({sample.outcome for sample in samples}))
        raise UsageError(f"No dialogue of this run has the outcome {outcome!r}. There are: {known}.")
    task = run.task()
    gold: dict[str, Dialogue] | None = None
    for sample in samples:
        if outcome not in (None, sample.outcome):
            continue
        with readable(run.folder):
            own = task.own_dialogue(sample)
        if own is None and gold is None:
            gold = _dialogues(run)
        with readable(run.folder):
            dialogue = own or (gold or {})[sample.dialogue]
            said = TypeAdapter(SampleDescription).validate_python(asdict(task.describe(sample, dialogue)))
        yield DescribedSample(sample, dialogue, said, own is not None)


def _dialogues(run: Run) -> dict[str, Dialogue]:
    return {dialogue.id: dialogue for dialogue in source_of(run).dialogues}


def source_of(run: Run) -> DialogueSet:
    """The run's data set, read again; a :class:`RunError` where it is gone or has changed."""
    request = run.record.request
    try:
        source = load_dataset(request.dataset, request.data, request.split, data_options(request.settings))
    except MissingDataError as error:
        raise _elsewhere(request, error) from error
    if source.fingerprint != run.record.dataset.fingerprint:
        raise RunError("The data set has changed since this run: its fingerprint differs.")
    return source


def _elsewhere(request: RequestRecord, error: MissingDataError) -> Exception:
    """A relative path is one from where the run was started."""
    if request.data is None:
        return error
    return RunError(
        f"The run's data set, {request.data}, is not to be found from here: go to the folder that the run was started "
        "in."
    )
