"""What a model is to the benchmark: a user simulator, a recommender, or both.

To bring your own, subclass :class:`UserSimulator` or :class:`Recommender`, name it with
:func:`interplay_bench.registry.adapter` and pass the file with ``--plugin``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeVar, runtime_checkable

from interplay_bench.dialogue import Action, Item, Role, Turn, View
from interplay_bench.errors import CardError, MisfitError, UsageError
from interplay_bench.language_model import Prompt
from interplay_bench.markup import Malformed

if TYPE_CHECKING:
    from interplay_bench.card import ModelCard
    from interplay_bench.stock import Stock


class Verdict(StrEnum):
    """A user's answer to a recommendation. ``other``: neither taken nor turned down (a greeting, say)."""

    ACCEPT = "accept"
    REJECT = "reject"
    OTHER = "other"


VERDICTS: Mapping[Action, Verdict] = {Action.ACCEPT: Verdict.ACCEPT, Action.FEEDBACK: Verdict.REJECT}
"""What a user's action says about the recommendation before it; every other action is ``other``."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A user simulator's answer at one point.

    ``probability``: P(accept) in [0, 1], where the model gives one. ``problem``: why the output could not be read
    (then the verdict is ``other``). ``refused``: the backend would not answer at all. ``raw``: what was written,
    where the decision was read from text. ``dropped_turns``: turns that did not fit the context.
    """

    verdict: Verdict
    probability: float | None = None
    problem: str | None = None
    refused: bool = False
    raw: str | None = None
    dropped_turns: int = 0

    def __post_init__(self) -> None:
        # What other people's models give: "accept", a NumPy number. Nothing else would be told from a rejection.
        object.__setattr__(self, "verdict", Verdict(self.verdict))
        if self.probability is not None:
            object.__setattr__(self, "probability", float(self.probability))
            if not 0 <= self.probability <= 1:
                raise ValueError(f"a probability is between 0 and 1, which {self.probability} is not")


@dataclass(frozen=True, slots=True)
class Reply:
    """A simulator's next turn: parsed, and as it was written.

    ``refused``: the backend would not answer. ``cut``: it stopped at the token limit. Token counts are ``None``
    where nobody counted.
    """

    turn: Turn | Malformed
    raw: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    refused: bool = False
    dropped_turns: int = 0
    cut: bool = False

    @property
    def text(self) -> str:
        """The words spoken; of a malformed reply, those that can be read."""
        return self.turn.text


Answer = TypeVar("Answer")


def one_each(
    ask: Callable[..., Iterable[Answer]], views: Sequence[View], kind: type[Answer], *arguments: object
) -> list[Answer]:
    """What a model's ``decide``, ``respond`` or ``rank`` answers to ``views``: a ``kind`` for each of them.

    Anything else that other people's code gives (nothing, a text, too few) is a :class:`MisfitError` that names it.
    """
    if not views:
        return []
    given: object = ask(views, *arguments)
    answers = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
    mend = f"it must return a list with one {kind.__name__} for each view, in order."
    if answers is None:
        raise MisfitError(f"{ask.__qualname__} returns {_shown(given)}, no list: {mend}")
    for answer in answers:
        if not isinstance(answer, kind):
            raise MisfitError(f"{ask.__qualname__} answers a view with {_shown(answer)}, no {kind.__name__}: {mend}")
    if len(answers) != len(views):
        raise MisfitError(f"{ask.__qualname__} gives {len(answers)} answers to {len(views)} views: {mend}")
    return answers


def _shown(value: object) -> str:
    """A value as an error names it, in a few words."""
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


class Adapter(ABC):
    """Base of every model.

    ``roles``: the sides it can take. ``knows_target``: it is told the target, through an
    :class:`~interplay_bench.dialogue.OracleView`; only oracles declare it, and every record and table marks them.
    ``standalone``: it is a model by its own name, without a card. ``window``: how many dialogues a run hands over at
    once.
    """

    roles: frozenset[Role]
    knows_target: ClassVar[bool] = False
    standalone: ClassVar[bool] = True
    window: int = 16

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Build the model from its card, the ``K`` of ``--model name:K``, and the run's seed."""
        if card.engine or card.settings:
            raise CardError(f"The card {card.name!r} sets options, but the adapter {card.adapter!r} takes none.")
        if argument is not None:
            raise UsageError(f"The model {card.name!r} takes nothing after a colon, but was given {argument!r}.")
        return cls()

    def identity(self) -> Mapping[str, object]:
        """What can change this model's outputs, beside its card: weights, server, template. JSON values."""
        return {}

    def usage(self) -> Mapping[str, int]:
        """What it took so far, for the run's record: requests, tokens; empty where nobody counts."""
        return {}

    def prompts(self, views: Sequence[View]) -> list[Prompt]:
        """The prompts that these views become; empty for a model that reads no prompt."""
        return []

    def close(self) -> None:  # noqa: B027 (most models hold nothing)
        """Release what the model holds (connections, memory)."""


class UserSimulator(Adapter):
    """The user's side."""

    roles = frozenset({Role.USER})

    @abstractmethod
    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Answer the recommendation in each view's last turn."""

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Say each view's next turn."""
        raise MisfitError(f"{type(self).__name__} decides, but does not speak: choose a model that writes replies.")


class Recommender(Adapter):
    """The recommender's side."""

    roles = frozenset({Role.RECOMMENDER})

    @abstractmethod
    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Say each view's next turn."""


@runtime_checkable
class Browser(Protocol):
    """A model that is shown what there is to recommend before it speaks."""

    def browse(self, stock: Stock) -> None:
        """Learn the items, and how popular each was where models learn."""
        ...


@runtime_checkable
class Ranker(Protocol):
    """A recommender that can order items by how well they fit, not only name one."""

    def rankable(self) -> Collection[Item]:
        """The items that it can rank: for one with a knowledge graph, those of the graph."""
        ...

    def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
        """The ``k`` items to recommend next in each view, the best first, each once; fewer where it has no more."""
        ...
