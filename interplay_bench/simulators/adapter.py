"""What a model is to the benchmark: a user simulator, a recommender, or both.

To bring your own, subclass :class:`UserSimulator` or :class:`Recommender`, name it with
the decorator :func:`adapter` and pass the file with ``--plugin``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, SupportsIndex, TypeVar, runtime_checkable

from interplay_bench.dialogues.dialogue import Action, Item, Role, Turn, View
from interplay_bench.dialogues.markup import Malformed
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.environment.errors import CardError, IncompatibleModelError, UsageError
from interplay_bench.plugins.registry import Registry, require_subclass

if TYPE_CHECKING:
    from interplay_bench.items.item_catalog import ItemCatalog
    from interplay_bench.simulators.card import ModelCard


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
        object.__setattr__(self, "dropped_turns", _count("dropped_turns", self.dropped_turns))
        for name in ("problem", "raw"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} is a text or None, not {_shown(getattr(self, name))}")


@dataclass(frozen=True, slots=True)
class Reply:
    """A simulator's next turn: parsed, and as it was written.

    ``refused``: the backend would not answer. ``cut``: it stopped at the token limit. ``left_catalogue``: of a model
    that is bound to the catalogue, for each title the probability that it would have left the catalogue, in [0, 1].
    Token counts are ``None`` where nobody counted.
    """

    turn: Turn | Malformed
    raw: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    refused: bool = False
    dropped_turns: int = 0
    cut: bool = False
    left_catalogue: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.turn, Turn | Malformed) or not isinstance(self.raw, str):
            given = f"{_shown(self.turn)} and {_shown(self.raw)}"
            raise ValueError(f"a reply is a Turn or Malformed and the text as written, not {given}")
        for name in ("prompt_tokens", "completion_tokens"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _count(name, getattr(self, name)))
        object.__setattr__(self, "dropped_turns", _count("dropped_turns", self.dropped_turns))

    @property
    def text(self) -> str:
        """The words spoken; of a malformed reply, those that can be read."""
        return self.turn.text


Answer = TypeVar("Answer")
UNCOUNTED = "uncounted"
"""Under what a run's record says how many of a model's own counts were none."""


def one_each(
    ask: Callable[..., Iterable[Answer]], views: Sequence[View], kind: type[Answer], *arguments: object
) -> list[Answer]:
    """What a model's ``decide``, ``respond`` or ``rank`` answers to ``views``: a ``kind`` for each of them.

    Anything else that other people's code gives (nothing, a text, too few) is an error that names it.
    """
    if not views:
        return []
    given: object = ask(views, *arguments)
    answers = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
    fix = f"it must return a list with one {kind.__name__} for each view, in order."
    if answers is None:
        raise IncompatibleModelError(f"{ask.__qualname__} returns {_shown(given)}, no list: {fix}")
    for answer in answers:
        if not isinstance(answer, kind):
            raise IncompatibleModelError(
                f"{ask.__qualname__} answers a view with {_shown(answer)}, no {kind.__name__}: {fix}"
            )
    if len(answers) != len(views):
        raise IncompatibleModelError(f"{ask.__qualname__} gives {len(answers)} answers to {len(views)} views: {fix}")
    return answers


def usage_of(adapter: Adapter, before: Mapping[str, int] | None = None) -> dict[str, int]:
    """What ``adapter`` took, less what it had taken ``before``.

    Whatever it gives that is no whole number from 0 up is left out and counted as ``uncounted``: a run must not be lost
    at its end for a NaN among the tokens.
    """
    given: object = adapter.usage()
    if not isinstance(given, Mapping):
        return {UNCOUNTED: 1}
    counts = {
        str(name): count.__index__() - (before or {}).get(str(name), 0)
        for name, count in given.items()
        if isinstance(count, SupportsIndex) and count.__index__() >= 0
    }
    return counts if len(counts) == len(given) else {**counts, UNCOUNTED: len(given) - len(counts)}


def _count(name: str, given: object) -> int:
    """A whole number from 0 up, NumPy's too, as a plain one; anything else would spoil the samples that hold it."""
    if not isinstance(given, SupportsIndex) or given.__index__() < 0:
        raise ValueError(f"{name} is a whole number from 0 up, not {_shown(given)}")
    return given.__index__()


def refuse_argument(card: ModelCard, argument: str | None) -> None:
    """Refuse the ``K`` of ``--model name:K`` for a model that takes none."""
    if argument is not None:
        raise UsageError(f"The model {card.name!r} takes nothing after a colon, but was given {argument!r}.")


def _shown(value: object) -> str:
    """A value as an error names it, in a few words."""
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


class Adapter(ABC):
    """Base of every model.

    ``roles``: the sides it can take. ``knows_target``: it is told the target, through an
    :class:`OracleView`; only oracles declare it, and every record and table marks them.
    ``control``: a simple policy that models are compared with, set apart in tables.
    ``standalone``: it is a model by its own name, without a card. ``example``: a ``K`` for a model that is called
    ``name:K``. ``window``: how many dialogues a run hands over at once.
    """

    roles: frozenset[Role]
    knows_target: ClassVar[bool] = False
    control: ClassVar[bool] = False
    standalone: ClassVar[bool] = True
    example: ClassVar[str] = ""
    window: int = 16

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Build the model from its card, the ``K`` of ``--model name:K``, and the run's seed."""
        if card.engine or card.settings:
            raise CardError(f"The card {card.name!r} sets options, but the adapter {card.adapter!r} takes none.")
        refuse_argument(card, argument)
        return cls()

    @classmethod
    def engine_options(cls, card: ModelCard) -> Collection[str]:
        """The ``engine.*`` options that a model of this card takes; of several models, an option goes to those."""
        return set(card.engine)

    def identity(self) -> Mapping[str, object]:
        """What can change this model's outputs, beside its card: weights, server, template. JSON values."""
        return {}

    def code(self) -> tuple[type, ...]:
        """The classes that it is made of; the record holds a hash of those that are not ours."""
        return (type(self),)

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
        raise IncompatibleModelError(
            f"{type(self).__name__} decides, but does not speak: choose a model that writes replies."
        )


class Recommender(Adapter):
    """The recommender's side."""

    roles = frozenset({Role.RECOMMENDER})

    @abstractmethod
    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Say each view's next turn."""


ADAPTERS: Registry[type[Adapter]] = Registry("adapter", "interplay_bench.adapters", ["interplay_bench.models"])
"""Every adapter by name."""

A = TypeVar("A", bound=type[Adapter])


def adapter(name: str) -> Callable[[A], A]:
    """Register an adapter class under ``name``; without a card of that name it is a model by itself."""

    def register(cls: A) -> A:
        require_subclass(cls, Adapter, "UserSimulator or Recommender")
        ADAPTERS.add(name, cls)
        return cls

    return register


@runtime_checkable
class CatalogAware(Protocol):
    """A model that is shown what there is to recommend before it speaks."""

    def set_catalog(self, catalog: ItemCatalog) -> None:
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
