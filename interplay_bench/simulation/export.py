"""A simulated corpus in other people's formats, written by the ``datasets`` library, each folder with a data card.

A format is a function from an episode to a row, registered by :func:`export_format`; ours are in
:mod:`interplay_bench.simulation.export_formats`. Dialogues that broke off are left out, unless a format wants ``every``
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.environment.atomic_file import replacing, write_file
from interplay_bench.environment.errors import DataError
from interplay_bench.evaluation.run import Run
from interplay_bench.plugins.registry import Registry
from interplay_bench.simulation.corpus import LEFT_OUT, read_corpus
from interplay_bench.simulation.data_card import write_data_card
from interplay_bench.simulation.episode import Episode

if TYPE_CHECKING:
    from datasets import Features

FOLDER = "export"
LINES = "train.jsonl"
Row = Callable[[Episode], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format by name.

    ``row``: what a dialogue becomes. ``file``: of JSON lines, or ``.parquet``. ``columns``: their types, where they do
    not follow from the rows. ``beside``: files that lie beside the rows, by name. ``every``: dialogues that broke off
    are rows, too.
    """

    name: str
    row: Row
    summary: str
    file: str = LINES
    columns: Callable[[], Features] | None = None
    beside: Callable[[Sequence[Episode]], Mapping[str, str]] | None = None
    every: bool = False


EXPORTS: Registry[ExportFormat] = Registry(
    "export format",
    "interplay_bench.exports",
    ["interplay_bench.simulation.export_formats"],
    code=lambda known: known.row,
)
"""Every format by name."""


def export_format(name: str, **keywords: Any) -> Callable[[Row], Row]:
    """Register a function from an episode to a row as a format; ``keywords``: see :class:`ExportFormat`."""

    def register(row: Row) -> Row:
        EXPORTS.add(name, ExportFormat(name, row, (row.__doc__ or "").strip(), **keywords))
        return row

    return register


def export(run: Run, name: str) -> Path:
    """Write the run's corpus as ``name`` into the run's directory; returns the folder."""
    chosen = EXPORTS.find(name)
    episodes = [episode for episode in read_corpus(run.folder) if chosen.every or episode.end not in LEFT_OUT]
    if not episodes:
        raise DataError(f"{run.folder} has no dialogue to export: all broke off.")
    folder = run.folder / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    _write(chosen, episodes, folder)
    for file, text in (chosen.beside(episodes) if chosen.beside else {}).items():
        write_file(folder / file, text)
    write_data_card(run, folder, f"`{chosen.file}`: {chosen.summary}", chosen.file)
    return folder


def _write(chosen: ExportFormat, episodes: Sequence[Episode], folder: Path) -> None:
    from datasets import Dataset

    with _quiet():
        columns = chosen.columns() if chosen.columns else None
        table = Dataset.from_list([chosen.row(episode) for episode in episodes], features=columns)
        with replacing(folder / chosen.file) as draft:
            if chosen.file.endswith(".parquet"):
                table.to_parquet(str(draft))
            else:
                table.to_json(str(draft), force_ascii=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own progress bars."""
    from datasets.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
