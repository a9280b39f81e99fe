"""Everything that a data set's labels of people can say about our numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from interplay_bench.audits.validity.decision_validity import decision_validity
from interplay_bench.audits.validity.decisions import DecidedRun, decided_runs, opinions
from interplay_bench.audits.validity.figure import ValidityTable
from interplay_bench.audits.validity.match_validity import match_validity
from interplay_bench.audits.validity.nearness import nearnesses
from interplay_bench.audits.validity.suggestions import suggestions
from interplay_bench.datasets.load import first_dialogues
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.metrics.match_score.match_score import choose_scorer


@dataclass(frozen=True, slots=True)
class Validation:
    """The tables, and the runs whose calibration can be drawn."""

    tables: tuple[ValidityTable, ...]
    runs: tuple[DecidedRun, ...] = ()


def validate(
    catalog: ItemCatalog, folders: Sequence[Path], limit: int | None, match_score: str, seed: int
) -> Validation:
    """Hold Match Score, and the decisions of runs, against what the people of a data set liked.

    ``match_score``: the scorer, as the option of the task ``recommender`` names it.
    """
    dialogues = first_dialogues(catalog.source.dialogues, limit)
    suggested = suggestions(dialogues)
    asked = opinions(dialogues)
    runs = decided_runs(folders, catalog.source, asked)
    scorer = choose_scorer(match_score, catalog.source)
    items = chain.from_iterable((s.item, *s.likes, *([s.target] if s.target else [])) for s in suggested)
    near = nearnesses(items, scorer, catalog.popularity, seed)
    tables = [*match_validity(suggested, near), *decision_validity(asked, catalog, runs, seed)]
    return Validation(tuple(tables), tuple(runs))
