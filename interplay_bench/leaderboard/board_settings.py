"""``board.toml``: what a leaderboard is called, what it says of itself, and what it shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from interplay_bench.leaderboard.result_record import ResultRecord
from interplay_bench.leaderboard.toml_file import read_toml

FILE = "board.toml"


class BoardSettings(BaseModel):
    """``title`` and ``intro`` head the page; ``citation``: how to cite the board. ``tasks`` and ``datasets``: those to
    show, all where there are none. ``controls``: whether control policies are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "interplay-bench leaderboard"
    intro: str = (
        "Simulators of conversational recommendation that are never told the target item. Each table holds one data "
        "set and one signature per metric, so its rows may be compared."
    )
    citation: str = ""
    tasks: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    controls: bool = True

    def shown(self, records: Iterable[ResultRecord]) -> list[ResultRecord]:
        """Those of the records that the board shows."""
        return [
            record
            for record in records
            if (not self.tasks or record.task in self.tasks)
            and (not self.datasets or record.run.dataset.name in self.datasets)
            and (self.controls or not record.control)
        ]


def read_settings(folder: Path) -> BoardSettings:
    """The settings in ``folder``; the defaults where it has none."""
    path = folder / FILE
    return read_toml(path, BoardSettings) if path.is_file() else BoardSettings()
