"""What annotators are asked about each pair, or about each dialogue alone; the wording is data, in TOML."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.toml_and_json import from_toml
from interplay_bench.environment.validation import validated


@dataclass(frozen=True, slots=True)
class Criterion:
    """One question about a pair, or, where it has a ``scale``, about one dialogue.

    ``ordered``: scrambling a dialogue's turns makes it worse by this criterion, so hidden controls go by it.
    ``scale``: the levels' names, from the worst, which is 0. ``turns``: it is asked of each of the recommender's turns.
    """

    key: str
    name: str
    question: str
    ordered: bool = False
    scale: tuple[str, ...] = ()
    turns: bool = False

    def __post_init__(self) -> None:
        if len(self.scale) == 1 or (self.turns and not self.scale):
            raise UsageError("A scale has at least two levels, and what is asked of each turn needs one.")


def read_criteria(source: Path | str = "criteria.toml") -> tuple[Criterion, ...]:
    """The criteria of a TOML file, one table each; a ``str`` names one of ours (the paper's six)."""
    where = str(source)
    path = source if isinstance(source, Path) else files("interplay_bench.study") / source
    try:
        text = path.read_text(encoding="utf-8")
        tables = from_toml(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"The criteria {where} cannot be read: {error}.") from None
    if not tables:
        raise UsageError(f"{where} holds no criterion: give each a table with a name and a question.")
    for key, table in tables.items():
        if not isinstance(table, dict) or "key" in table:
            raise UsageError(f"{where}: {key!r} is no criterion: it needs a table with a name and a question.")
    return tuple(_criterion(key, table, where) for key, table in tables.items())


def _criterion(key: str, table: dict[str, object], where: str) -> Criterion:
    return validated(Criterion, {"key": key, **table}, f"{where}, {key}", key="key", error=UsageError)
