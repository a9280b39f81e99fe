"""The two models that meet: checked for their roles, shown the catalogue where they ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from interplay_bench.dialogues.dialogue import Role
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulation.policy_user import PolicyUser, speaks
from interplay_bench.simulators.adapter import Adapter, CatalogAware, Recommender, UserSimulator


@runtime_checkable
class KeepsPrefixes(Protocol):
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
    def of(
        cls, user: Adapter, recommender: Adapter, catalog: ItemCatalog, names: tuple[str, str] | None = None
    ) -> Self:
        """Let two adapters meet over a catalogue of items; one of the wrong role is a :class:`IncompatibleModelError`.

        ``names``: what the two are called, where that is not their classes' names.
        """
        names = names or (type(user).__name__, type(recommender).__name__)
        for model in dict.fromkeys((user, recommender)):
            if isinstance(model, CatalogAware):
                model.set_catalog(catalog)
        if not isinstance(user, UserSimulator) or Role.USER not in user.roles:
            raise IncompatibleModelError(
                f"{names[0]} is no user simulator: interplay needs one that speaks for the user."
            )
        if not isinstance(recommender, Recommender) or Role.RECOMMENDER not in recommender.roles:
            raise IncompatibleModelError(f"{names[1]} is no recommender: interplay needs one that recommends.")
        return cls(user if speaks(user) else PolicyUser(user), recommender)

    def knows_target(self, role: Role) -> bool:
        """Whether the model of ``role`` is told the target."""
        model: Adapter = self.user if role is Role.USER else self.recommender
        if isinstance(model, PolicyUser):
            model = model.policy
        return model.knows_target
