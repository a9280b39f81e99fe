"""A registered engine; :func:`engine` is the decorator that makes one of a class or a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from interplay_bench.engines.language_model import LanguageModel
from interplay_bench.plugins.registry import Registry

Make = TypeVar("Make", bound=Callable[[Any], LanguageModel])


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """An engine by name: ``settings``, the type of its options (a dataclass or a pydantic model), ``make``, what makes
    the engine of them, and one line about it."""

    name: str
    settings: type
    make: Callable[[Any], LanguageModel]
    summary: str


ENGINES: Registry[EngineEntry] = Registry(
    "engine", "interplay_bench.engines", ["interplay_bench.engines.builtin"], code=lambda entry: entry.make
)
"""Every engine by name, the ``kind`` of a card's ``[engine]``."""


def engine(name: str, settings: type) -> Callable[[Make], Make]:
    """Register a class (or a function) that makes an engine of its ``settings``; its docstring says what it is."""

    def register(make: Make) -> Make:
        summary = (make.__doc__ or "").strip().partition("\n")[0]
        ENGINES.add(name, EngineEntry(name, settings, make, summary))
        return make

    return register
