"""The paper's values beside ours, where the same model was run on the same data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interplay_bench.leaderboard.cell import Cell
from interplay_bench.leaderboard.paper import Paper, PaperColumn, PaperRow, PaperSpan, PaperTable
from interplay_bench.leaderboard.result_record import ResultRecord

PRINTED = ("table", "model", "metric", "paper", "paper's count")
HEADERS = (*PRINTED, "ours", "95% interval", "N", "ours - paper", "paper inside")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One printed value and what was measured in its place; ``None`` where nothing comparable was run."""

    table: int
    model: str
    metric: str
    printed: Cell
    ours: Cell | None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.ours is None else self.ours.value - self.printed.value

    @property
    def inside(self) -> bool | None:
        """Whether the paper's value lies in our interval, give or take the rounding of its last digit."""
        if self.ours is None or self.ours.low is None or self.ours.high is None:
            return None
        slack = 0.5 * 10.0 ** -len(self.printed.text.partition(".")[2])
        return self.ours.low - slack <= self.printed.value <= self.ours.high + slack


def matches(records: Sequence[ResultRecord], paper: Paper) -> list[Reproduction]:
    """Every printed value, in the paper's order; several lines where a model was run several times."""
    return [match for table in paper.tables for row in table.rows for match in _matches(records, table, row)]


def _matches(records: Sequence[ResultRecord], table: PaperTable, row: PaperRow) -> Iterator[Reproduction]:
    for span in table.spans:
        for column in span.columns:
            printed = table.cell(row, column)
            if printed is not None:
                for cell in _ours(records, table, row, span, column) or [None]:
                    yield Reproduction(table.number, row.name, column.label, printed, cell)


def _ours(
    records: Sequence[ResultRecord], table: PaperTable, row: PaperRow, span: PaperSpan, column: PaperColumn
) -> list[Cell | None]:
    wanted = (span.task, row.paper_row, table.dataset, table.split, table.n)
    cells: list[Cell | None] = []
    for record in records:
        data = record.run.dataset
        if (record.task, record.card, data.name, data.split, data.dialogues) == wanted:
            score = record.scores.get(column.metric)
            if score is not None and column.comparable(score.signature) and (cell := Cell.of(score)):
                cells.append(cell)
    return cells


def render(found: Sequence[Reproduction]) -> str:
    """The matches as a table for the terminal, and how many there are."""
    from tabulate import tabulate

    run = [match for match in found if match.ours is not None]
    judged = [match.inside for match in run if match.inside is not None]
    table = tabulate([_line(match) for match in found], HEADERS, tablefmt="simple", disable_numparse=True)
    return (
        f"{table}\n\n{len(run)} of {len(found)} printed values measured with the same model and data; of {len(judged)} "
        f"intervals of ours, {sum(judged)} hold the paper's value. Counts are recovered from the printed rates."
    )


def _line(match: Reproduction) -> tuple[str, ...]:
    printed, ours = match.printed, match.ours
    paper = (f"Table {match.table}", match.model, match.metric, printed.text, printed.fraction or "-")
    if ours is None:
        return (*paper, "not run", "", "", "", "")
    inside = {True: "yes", False: "no", None: "-"}[match.inside]
    n = "-" if ours.n is None else str(ours.n)
    return (*paper, ours.text, ours.interval or "-", n, f"{match.difference:+.4f}", inside)
