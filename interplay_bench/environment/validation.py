"""What users write (cards, options, settings) as typed values; what is wrong is one line that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from interplay_bench.environment.errors import InterplayError, UsageError, unknown_name

T = TypeVar("T")


def validated(
    kind: type[T], values: Mapping[str, object], where: str, *, key: str = "option", error: type[InterplayError]
) -> T:
    """Make a ``kind`` (a dataclass or a pydantic model) of ``values``.

    Raises ``error``, which begins with ``where``, for an unknown key (with the nearest known ones), a missing one, and
    a value of the wrong type or out of range. ``key``: what a key is called.
    """
    from pydantic import TypeAdapter, ValidationError

    known = fields_of(kind)
    for name in values:
        if name not in known:
            raise error(f"{where}: {unknown_name(key, name, known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except UsageError as problem:
        raise error(f"{where}: {problem}") from None
    except ValidationError as problem:
        raise error(f"{where}: {first_problem(problem)}.") from None


def first_problem(error: Any) -> str:
    """The first thing that pydantic found wrong: ``decide='x': Input should be ...``."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    given = f"={first['input']!r}" if isinstance(first["input"], str | int | float) else ""
    return f"{place}{given}: {message}" if place else message


def fields_of(kind: type) -> list[str]:
    """The names that a dataclass or a pydantic model takes."""
    from dataclasses import fields, is_dataclass

    from pydantic import BaseModel

    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return [field.name for field in fields(kind)] if is_dataclass(kind) else []
