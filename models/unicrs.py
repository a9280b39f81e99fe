"""UniCRS (Wang et al., KDD 2022): a frozen language model under learnt, knowledge-enhanced prompts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Item, Mention, Role, Turn, View
from interplay_bench.dialogues.markup import Malformed, render
from interplay_bench.dialogues.view_prompt import domain
from interplay_bench.environment.errors import CardError, unknown_name
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.progress import Progress
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulators.adapter import Recommender, Reply, adapter, refuse_argument
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.checkpoint import find_checkpoint
from interplay_bench.simulators.trainable import TrainingRequest

if TYPE_CHECKING:
    from interplay_bench.unicrs.network import Answer, Network

ENGINE = ("model", "dtype", "device")
SETTINGS = ("always_recommend",)
KEPT = 256
"""Answers kept, so that ranking and responding to the same views costs one pass."""


@adapter("unicrs")
class UniCRS(Recommender):
    """UniCRS: writes a template with item slots, ranks the graph's items, and fills the slots with the best.

    ``always_recommend``: a template that came without a slot gets one where a slot was likeliest.
    """

    standalone: ClassVar[bool] = False

    def __init__(self, network: Network, always_recommend: bool, identity: Mapping[str, object]) -> None:
        self.network = network
        self.always_recommend = always_recommend
        self._identity = identity
        self._catalog: dict[int, Item] = {}
        self._answers: OrderedDict[tuple[Turn, ...], Answer] = OrderedDict()

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Find the card's checkpoint, or that of ``engine.model``, and load it with the models that it names."""
        from interplay_bench.engines.pretrained.model_files import weights_hash
        from interplay_bench.unicrs.unicrs_checkpoint import load

        refuse_argument(card, argument)
        _check(card)
        engine = dict(card.engine)
        named = engine.pop("model", None)
        folder = typed_path(named) if named else find_checkpoint(card.name)
        network = load(folder, **engine)
        identity = {**network.language.identity, "encoder": network.encoder.name, "prompts": weights_hash(folder)}
        return cls(network, card.settings.get("always_recommend", False) is True, identity)

    @classmethod
    def engine_options(cls, card: ModelCard) -> Collection[str]:
        """Its checkpoint's folder, and how the language model is loaded."""
        return ENGINE

    @classmethod
    def train(cls, request: TrainingRequest, progress: Progress) -> Path:
        """Run the three stages."""
        from interplay_bench.unicrs.unicrs_training import train

        return train(request, progress)

    def identity(self) -> Mapping[str, object]:
        """The language model's identity, the text encoder, and a hash of what was learnt."""
        return {**self._identity, "always_recommend": self.always_recommend}

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Learn which of the data set's items are in the graph; the first of several that are one entity counts."""
        for item in catalog.items:
            entity = self.network.linker.entity(item)
            if entity is not None:
                self._catalog.setdefault(entity, item)

    def rankable(self) -> Collection[Item]:
        """The data set's items that are in the graph."""
        return frozenset(self._catalog.values())

    def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
        """The data set's items that are in the graph and were not named yet, the likeliest first."""
        answers = self._answered(views)
        return [
            [self._catalog[entity] for entity in answer.ranking if entity in self._catalog][:k] for answer in answers
        ]

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Fill each template's slots with the likeliest items, in order."""
        return [self._reply(view, answer) for view, answer in zip(views, self._answered(views), strict=True)]

    def _answered(self, views: Sequence[View]) -> list[Answer]:
        from interplay_bench.unicrs.unicrs_example import Context

        new = list(dict.fromkeys(view.turns for view in views if view.turns not in self._answers))
        contexts = [Context.of(turns, Role.RECOMMENDER, self.network.linker) for turns in new]
        self._answers.update(zip(new, self.network.answer(contexts, self.always_recommend), strict=True))
        answers = [self._answers[view.turns] for view in views]
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return answers

    def _reply(self, view: View, answer: Answer) -> Reply:
        best = iter(answer.ranking if not self._catalog else [e for e in answer.ranking if e in self._catalog])
        text, mentions = "", []
        for piece in answer.template:
            if piece is not None:
                text += piece if text else piece.lstrip()
                continue
            entity = next(best, None)
            if entity is None:  # everything has been named
                continue
            item = self._catalog.get(entity) or self.network.linker.item(entity, domain(view))
            text += " " if text and not text[-1].isspace() else ""
            mentions.append(Mention(item, len(text), len(text) + len(item.name)))
            text += item.name
        if not text.strip():
            return Reply(Malformed("empty response", ""), "")
        proposed = tuple(mention.item for mention in mentions)
        action = Action.RECOMMEND if proposed else Action.CHAT
        turn = Turn(Role.RECOMMENDER, action, text.rstrip() if not mentions else text, tuple(mentions), proposed)
        turn = label([*view.turns, turn])[-1]
        return Reply(turn, render(turn))


def _check(card: ModelCard) -> None:
    for kind, given, known in (("option", card.engine, ENGINE), ("setting", card.settings, SETTINGS)):
        for key in given:
            if key not in known:
                raise CardError(f"In the card {card.name!r}: {unknown_name(kind, key, known)}")
