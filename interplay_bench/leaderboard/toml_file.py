"""The files that describe a board, TOML: read whole, or one line that says what is wrong in which line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from interplay_bench.environment.errors import DataError
from interplay_bench.environment.toml_and_json import from_toml
from interplay_bench.environment.toml_lines import line_of
from interplay_bench.environment.validation import first_problem

Described = TypeVar("Described", bound=BaseModel)


def read_toml(path: Path, kind: type[Described]) -> Described:
    """The file as a ``kind``; anything amiss is a :class:`DataError` that names the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = from_toml(text)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        line = line_of(text, error.errors()[0]["loc"])
        where = f", line {line}" if line else ""
        raise DataError(f"{path}{where}: {first_problem(error)}.") from None
