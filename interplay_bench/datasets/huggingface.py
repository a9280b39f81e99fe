"""Plain data as a Hugging Face data set: a folder that ``save_to_disk`` wrote or of Parquet files, or one on the hub.

Rows have the fields of :mod:`interplay_bench.datasets.plain.record`, ``messages`` or ``conversations``. ``hf``, our own
export, is such a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.plain import OPTIONS
from interplay_bench.datasets.reading import Row
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment import hub
from interplay_bench.environment.errors import DataError, MissingDataError

_SPLITS = {"valid": ("valid", "validation", "dev")}


@dataset("huggingface", options=OPTIONS)
def load(source: Source) -> DialogueSet:
    """Your own: a folder of Parquet files or that save_to_disk wrote, or a hub id (--data FOLDER or ID)."""
    from interplay_bench.datasets.plain.plain_set import plain_set  # brings pydantic, which `list` goes without

    path = source.path
    if path is None:
        raise MissingDataError("Give a folder that save_to_disk wrote, or a hub id, by --data.")
    table = _saved(path) if path.is_dir() else _from_hub(str(source.data))
    rows = ((f"row {number} of {source.data}", row) for number, row in enumerate(_split(table, source), start=1))
    return plain_set("huggingface", source, rows, source.data, path if path.is_dir() else None)


def _saved(folder: Path) -> Any:
    from datasets import load_from_disk

    files = sorted(folder.glob("*.parquet"))
    try:
        if files:
            return _parquet(files)
        return load_from_disk(str(folder))
    except FileNotFoundError:
        raise MissingDataError(
            f"{folder} is no folder of Parquet files nor one that save_to_disk wrote: for JSON lines or CSV use "
            "--dataset jsonl or csv."
        ) from None
    except Exception as error:  # whatever is broken in somebody's tables
        raise DataError(f"{folder} cannot be read as a saved data set ({error}): write it anew.") from error


def _parquet(files: Sequence[Path]) -> list[Row]:
    import pyarrow.parquet

    return [row for file in files for row in pyarrow.parquet.read_table(file).to_pylist()]


def _from_hub(hub_id: str) -> Any:
    hub.check_variables()
    if re.fullmatch(r"[\w.-]+/[\w.-]+", hub_id) is None:
        raise MissingDataError(f"There is no folder {hub_id}, and a hub id is OWNER/NAME: check --data.")
    if not hub.answers(hub.dataset_url(hub_id)):
        raise MissingDataError(f"{hub_id} is neither a folder nor on the hub: check --data.")
    from datasets import load_dataset

    try:
        return load_dataset(hub_id)
    except Exception as error:
        raise DataError(
            f"{hub_id} could not be fetched from the hub ({type(error).__name__}): check --data."
        ) from error


def _split(table: Any, source: Source) -> Iterable[Row]:
    """The split's rows; a table without splits is whatever split is asked for."""
    from datasets import DatasetDict

    if not isinstance(table, DatasetDict):
        return list(table)
    for name in _SPLITS.get(source.split, (source.split,)):
        if name in table:
            return list(table[name])
    raise MissingDataError(f"{source.data} has no split {source.split!r}: it has {', '.join(table)}. Choose --split.")
