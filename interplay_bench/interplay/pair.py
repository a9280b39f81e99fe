"""The two models that meet: checked for their roles, shown the catalogue where they ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from interplay_bench.adapter import Adapter, Recommender, UserSimulator
from interplay_bench.catalog import Catalog
from interplay_bench.dialogue import Item, Role
from interplay_bench.errors import MisfitError
from interplay_bench.interplay.spoken import Spoken, speaks


@runtime_checkable
class Browser(Protocol):
    """A model that wants to see the data set's items before it speaks, as controls without a language model do."""

    def browse(self, items: Sequence[Item]) -> None:
        """Learn what there is to recommend."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A user and a recommender."""

    user: UserSimulator
    recommender: Recommender

    @classmethod
    def of(cls, user: Adapter, recommender: Adapter, catalog: Catalog) -> Self:
        """Let two adapters meet over a catalogue; one of the wrong role is a :class:`MisfitError`."""
        for model in dict.fromkeys((user, recommender)):
            if isinstance(model, Browser):
                model.browse(catalog.items)
        if not isinstance(user, UserSimulator) or Role.USER not in user.roles:
            raise MisfitError(f"{_name(user)} is no user simulator: interplay needs one that speaks for the user.")
        if not isinstance(recommender, Recommender) or Role.RECOMMENDER not in recommender.roles:
            raise MisfitError(f"{_name(recommender)} is no recommender: interplay needs one that recommends.")
        return cls(user if speaks(user) else Spoken(user), recommender)

    def knows_target(self, role: Role) -> bool:
        """Whether the model of ``role`` is told the target."""
        model: Adapter = self.user if role is Role.USER else self.recommender
        if isinstance(model, Spoken):
            model = model.policy
        return model.knows_target


def _name(model: Adapter) -> str:
    return type(model).__name__
