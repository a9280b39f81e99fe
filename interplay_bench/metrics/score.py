"""What a run leaves behind: scores with their signatures, samples, the ledger, the run record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Direction = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Score:
    """One metric's value, with all that is needed to defend it.

    ``low``/``high``: its 95% interval, where there is one. ``count``/``total``: the integers behind a rate.
    ``n``: how many samples it is over. ``signature``: names, parameters and versions, such as
    ``dist-4|level:corpus|tok:word-v1|case:lower|n:2069|version:1``; scores with different signatures are not
    comparable. ``direction``: which way is better; ``None`` where neither is.
    """

    name: str
    value: float | None
    n: int
    signature: str
    low: float | None = None
    high: float | None = None
    count: int | None = None
    total: int | None = None
    direction: Direction | None = None

    def __float__(self) -> float:
        """The value; not a number where there is none."""
        return math.nan if self.value is None else self.value

    def __str__(self) -> str:
        bounds = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        counts = "" if self.count is None else f" {self.count}/{self.total}"
        return f"{self.name} {float(self):.4f}{bounds}{counts}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Score:
        """Read back what :meth:`to_json` wrote."""
        return cls(**data)


def signature(metric: str, /, **parts: object) -> str:
    """Join a metric's name and parameters: ``signature("dist-4", level="corpus", n=12)``."""
    return "|".join([metric, *(f"{key}:{value}" for key, value in parts.items())])
