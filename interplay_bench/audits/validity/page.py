"""A validation as a page: Markdown for people, its figures as CSV for programs, and the calibration as a picture."""

from __future__ import annotations

from pathlib import Path

from interplay_bench.audits.validity.calibration import draw_calibration
from interplay_bench.audits.validity.figure import long_rows
from interplay_bench.audits.validity.validation import Validation
from interplay_bench.environment.atomic_file import write_file
from interplay_bench.reports.table_formats import render_rows, render_tables

PAGE, FIGURES, CURVE = "validity.md", "figures.csv", "calibration.png"


def write_page(folder: Path, data: str, found: Validation, command: str) -> None:
    """Write the page and its figures into ``folder``; ``command`` made them."""
    folder.mkdir(parents=True, exist_ok=True)
    body = render_tables([table.rendered() for table in found.tables], "markdown")
    parts = [f"# What the numbers are worth on {data}", f"```console\n{command}\n```", body]
    if any(decision.probability is not None for run in found.runs for decision in run.decisions):
        draw_calibration(found.runs, folder / CURVE)
        parts.append(f"![Share that people liked, by P(accept)]({CURVE})")
    write_file(folder / PAGE, "\n\n".join(parts) + "\n")
    write_file(folder / FIGURES, render_rows(long_rows(found.tables), "csv") + "\n")
