"""Fine-tuned simulators: a language model trained on one role's turns (sections 3.5 and 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from interplay_bench.dialogues.dialogue import Role, View
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.engines.language_model import BindsTitles, LanguageModel, Sampling
from interplay_bench.environment.errors import CardError, IncompatibleModelError
from interplay_bench.environment.paths import typed_path
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.items.written_titles import written_titles
from interplay_bench.simulators.adapter import adapter, refuse_argument
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.card_engine import build_engine, sampling_of
from interplay_bench.simulators.checkpoint import find_checkpoint, recipe_of
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator


@adapter("finetuned")
class FineTuned(LanguageModelSimulator):
    """A language model that was trained on one role's turns, in the markup."""

    def __init__(self, model: LanguageModel, sampling: Sampling, role: Role, facts: bool = False) -> None:
        super().__init__(model, sampling)
        self.roles = frozenset({role})
        self.facts = facts

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Find the card's checkpoint and load it; the card's recipe says which role it speaks."""
        refuse_argument(card, argument)
        if card.train.get("role") not in list(Role):
            raise CardError(f"The card {card.name!r} must say which role it trains: role = 'user' in [train].")
        how = sampling_of(card, seed)  # checked before weights are loaded
        if how.guided and card.engine.get("kind") == "endpoint":
            raise CardError(
                f"In the settings of the model {card.name!r}: guided bars a fine-tuned model's structural tokens in "
                "local engines only. A card without it, for a server: interplay-bench serve-check URL."
            )
        if how.guided == "catalogue" and card.train["role"] != Role.RECOMMENDER:
            raise CardError(
                f"In the settings of the model {card.name!r}: guided = 'catalogue' binds a recommender, and "
                "this is a user."
            )
        if "model" not in card.engine:
            card = card.override({"model": str(find_checkpoint(card.name))})
        facts = str(card.train.get("facts", "none"))
        trained = recipe_of(typed_path(str(card.engine["model"]))).get("facts", facts)
        if trained != facts:
            raise CardError(
                f"{card.engine['model']} was trained with facts = {trained!r}, and the card {card.name!r} has "
                f"{facts!r}: name the folder itself, --model hf:{card.engine['model']}."
            )
        return cls(build_engine(card), how, Role(card.train["role"]), facts == "catalogue")

    def identity(self) -> Mapping[str, object]:
        """The language model's identity, and whether items come with their facts."""
        return {**super().identity(), **({"facts": "catalogue"} if self.facts else {})}

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Where it is guided by the catalogue, learn the titles that it may name."""
        if self.sampling.guided != "catalogue":
            return
        if not isinstance(self.model, BindsTitles):
            raise IncompatibleModelError(
                f"guided = 'catalogue' needs an engine that binds titles, which {type(self.model).__name__} does not."
            )
        self.model.bind(written_titles(catalog.titles))

    def prompt(self, view: View) -> Prompt:
        """The text that training showed: persona, turns, and the opening of the next one."""
        prompt = training_prompt(view, self.facts)
        if self.sampling.guided != "catalogue":
            return prompt
        return replace(prompt, named=frozenset(item.id for turn in view.turns for item in turn.items))
