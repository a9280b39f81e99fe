"""From a data set's name to its dialogues, and to what there is to recommend in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.environment.errors import DataError, MissingDataError, UsageError
from interplay_bench.items.item_catalog import ItemCatalog


def load_dataset(
    dataset: str, data: Path | str | None = None, split: str = "test", options: Mapping[str, str] | None = None
) -> DialogueSet:
    """Read a registered data set; an unknown split or option, or an empty result, is an error.

    ``data``: its file, folder or hub id. ``options``: what its loader takes besides, such as ``{"domain": "music"}``.
    """
    entry = DATASETS.find(dataset)
    if split not in entry.splits:
        raise UsageError(f"The data set {dataset!r} has no split {split!r}. Available: {', '.join(entry.splits)}.")
    for key in options or {}:
        if key not in entry.options:
            takes = ", ".join(f"--{option}" for option in entry.options) or "no options"
            raise UsageError(f"The data set {dataset!r} does not take --{key}. It takes {takes}.")
    source = Source(None if data is None else str(data), split, dict(options or {}))
    found = entry.loader(source)
    if not isinstance(found, DialogueSet):
        raise DataError(f"The loader of {dataset!r} returns a {type(found).__name__}, where a DialogueSet is needed.")
    if not found.dialogues:
        raise DataError(f"The data set {dataset!r} has no dialogues left: {found.preprocessing.to_json()}.")
    return replace(found, source=source)


def item_catalog(source: DialogueSet, data: str | None = None) -> ItemCatalog:
    """What there is to recommend in ``source``; its train split is looked for where ``data`` says, or beside it."""

    def read_train() -> DialogueSet | None:
        entry = DATASETS.all().get(source.name)
        if entry is None or "train" not in entry.splits:
            return None
        path = Source(data).path
        place = str(path.parent) if path is not None and path.is_file() else data
        try:
            return load_dataset(source.name, place, "train", source.source.options if source.source else None)
        except MissingDataError:
            return None

    return ItemCatalog(source, read_train)


def first_dialogues(dialogues: Sequence[Dialogue], limit: int | None) -> Sequence[Dialogue]:
    """The first ``limit`` dialogues, or all of them; a limit below 1 is an error."""
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be at least 1, not {limit}.")
    return dialogues[:limit]
