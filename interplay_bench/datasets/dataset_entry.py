"""A registered data set; :func:`dataset` is the decorator that makes one of a loader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interplay_bench.dialogues.dialogue_set import DialogueSet, Source
from interplay_bench.plugins.registry import Registry

Loader = Callable[[Source], DialogueSet]


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A loader by name, the splits that it knows, one line about it, and the options that it takes."""

    name: str
    loader: Loader
    splits: tuple[str, ...]
    summary: str
    options: tuple[str, ...] = ()


DATASETS: Registry[DatasetEntry] = Registry(
    "data set",
    "interplay_bench.datasets",
    [
        "interplay_bench.datasets",
        "interplay_bench.simulation.simulated_dataset",
        "interplay_bench.audits.labelled_dataset",
    ],
    code=lambda entry: entry.loader,
)
"""Every data set by name."""


def dataset(
    name: str, *, splits: tuple[str, ...] = ("train", "valid", "test"), options: tuple[str, ...] = ()
) -> Callable[[Loader], Loader]:
    """Register a loader under ``name``; the first line of its docstring is its summary.

    ``options``: the keys that it reads from ``Source.options``.
    """

    def register(loader: Loader) -> Loader:
        summary = (loader.__doc__ or "").strip().partition("\n")[0]
        DATASETS.add(name, DatasetEntry(name, loader, splits, summary, options))
        return loader

    return register
