"""Tables with a header: the rows of a CSV file with the number of their line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from interplay_bench.datasets.reading import opened
from interplay_bench.environment.errors import DataError


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row by its header, with the number of its last line. Ragged rows are errors."""
    with opened(path, newline="") as handle:
        rows = csv.DictReader(handle, strict=True)
        try:
            header = rows.fieldnames or ()
            twice = sorted({name for name in header if header.count(name) > 1})
            if twice:
                raise DataError(f"{path} has the column {twice[0]!r} twice: rename one.")
            for row in rows:
                if None in row or None in row.values():
                    found = sum(value is not None for key, value in row.items() if key) + len(row.get(None) or ())
                    raise DataError(
                        f"Line {rows.line_num} of {path} has {found} columns where the header has {len(header)}: "
                        "fix that line."
                    )
                yield rows.line_num, row
        except csv.Error as error:
            raise DataError(f"Line {rows.line_num} of {path} is no CSV ({error}): fix that line.") from None
