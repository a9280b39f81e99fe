"""What there is to say about a simulated turn beside the turn itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from interplay_bench.environment.errors import DataError
from interplay_bench.environment.validation import validated
from interplay_bench.evaluation.sample_description import TurnDescription


@dataclass(frozen=True, slots=True)
class TurnDiagnostics:
    """How a turn came about.

    ``malformed``: why the output was no turn; then ``raw`` is what was written. ``confusion``: why it reads like the
    other role's. ``contradiction``: how the words deny the action. ``unknown``: recommended titles that the catalogue
    does not hold. ``repeated``: recommended items that had been recommended, or named by the user, before.
    ``left_catalogue``: of a recommender that is bound to the catalogue, for each title the probability that free
    decoding would have left the catalogue in it.
    ``verdict`` and ``probability``: the user's decision on the recommendation before, where it was asked for;
    P(accept) in [0, 1]. ``dropped_turns``: turns that did not fit the model's context. ``cut``: the output stopped at
    the token limit. Token counts are ``None`` where nobody counted.
    """

    malformed: str | None = None
    raw: str | None = None
    confusion: str | None = None
    contradiction: str | None = None
    unknown: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    left_catalogue: tuple[float, ...] = ()
    verdict: str | None = None
    probability: float | None = None
    dropped_turns: int = 0
    cut: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values; what says nothing is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        defaults = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        said = {name: value for name, value in values.items() if value != defaults[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    def describe(self) -> TurnDescription:
        """The same for people to read."""
        said = [f"malformed ({self.malformed}): {self.raw}"] if self.malformed else []
        said += [f"confused: {self.confusion}"] if self.confusion else []
        said += [self.contradiction] if self.contradiction else []
        said += [f"not in the catalogue: {', '.join(self.unknown)}"] if self.unknown else []
        said += [f"recommended again: {', '.join(self.repeated)}"] if self.repeated else []
        return TurnDescription(self.verdict, self.probability, remarks=tuple(said))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TurnDiagnostics:
        """Read back what :meth:`to_json` wrote; a :class:`DataError` where it is something else."""
        return validated(cls, data, "A turn's notes", key="note", error=DataError)


SILENT = TurnDiagnostics()
"""Nothing to say, as of a turn that was not simulated."""
