"""Fine-tuned simulators: a language model trained on one role's turns (sections 3.5 and 4.1)."""

from __future__ import annotations

from typing import Self

from interplay_bench.card import ModelCard
from interplay_bench.checkpoint import find_checkpoint
from interplay_bench.dialogue import Role, View
from interplay_bench.engines import build, sampling
from interplay_bench.errors import CardError, UsageError
from interplay_bench.language_model import LanguageModel, Prompt, Sampling
from interplay_bench.prompting import training_prompt
from interplay_bench.registry import adapter
from interplay_bench.simulator import LanguageModelSimulator


@adapter("finetuned")
class FineTuned(LanguageModelSimulator):
    """A language model that was trained on one role's turns, in the markup."""

    def __init__(self, model: LanguageModel, sampling: Sampling, role: Role) -> None:
        super().__init__(model, sampling)
        self.roles = frozenset({role})

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Find the card's checkpoint and load it; the card's recipe says which role it speaks."""
        if argument is not None:
            raise UsageError(f"The model {card.name!r} takes nothing after a colon, but was given {argument!r}.")
        if card.train.get("role") not in list(Role):
            raise CardError(f"The card {card.name!r} must say which role it trains: role = 'user' in [train].")
        how = sampling(card, seed)  # checked before weights are loaded
        if how.guided and card.engine.get("kind") == "endpoint":
            raise CardError(
                f"In the settings of the model {card.name!r}: guided bars a fine-tuned model's structural tokens in "
                "local engines only; a server has an option of its own for it."
            )
        if "model" not in card.engine:
            card = card.override({"model": str(find_checkpoint(card.name))})
        return cls(build(card), how, Role(card.train["role"]))

    def prompt(self, view: View) -> Prompt:
        """The text that training showed: persona, turns, and the opening of the next one."""
        return training_prompt(view)
