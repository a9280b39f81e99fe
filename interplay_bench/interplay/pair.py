"""The two models that meet: checked for their roles, shown the catalogue where they ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from interplay_bench.adapter import Adapter, Browser, Recommender, UserSimulator
from interplay_bench.dialogue import Role
from interplay_bench.errors import MisfitError
from interplay_bench.interplay.spoken import Spoken, speaks
from interplay_bench.stock import Stock


@runtime_checkable
class Remembering(Protocol):
    """An engine that can keep its caches from one call to the next."""

    def remember(self) -> None:
        """Keep them from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A user and a recommender."""

    user: UserSimulator
    recommender: Recommender

    @classmethod
    def of(cls, user: Adapter, recommender: Adapter, stock: Stock, names: tuple[str, str] | None = None) -> Self:
        """Let two adapters meet over a stock of items; one of the wrong role is a :class:`MisfitError`.

        ``names``: what the two are called, where that is not their classes' names.
        """
        names = names or (type(user).__name__, type(recommender).__name__)
        for model in dict.fromkeys((user, recommender)):
            if isinstance(model, Browser):
                model.browse(stock)
        if not isinstance(user, UserSimulator) or Role.USER not in user.roles:
            raise MisfitError(f"{names[0]} is no user simulator: interplay needs one that speaks for the user.")
        if not isinstance(recommender, Recommender) or Role.RECOMMENDER not in recommender.roles:
            raise MisfitError(f"{names[1]} is no recommender: interplay needs one that recommends.")
        return cls(user if speaks(user) else Spoken(user), recommender)

    def knows_target(self, role: Role) -> bool:
        """Whether the model of ``role`` is told the target."""
        model: Adapter = self.user if role is Role.USER else self.recommender
        if isinstance(model, Spoken):
            model = model.policy
        return model.knows_target
