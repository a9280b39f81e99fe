"""The data model: who speaks, what about, and what each side may know (paper, sections 3.3-3.5).

A :class:`Dialogue` is gold data and holds the target. A simulator never receives one: it receives a
:class:`View`, which has no field that could carry the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Role(StrEnum):
    """One of the two sides of a conversation."""

    USER = "user"
    RECOMMENDER = "recommender"


class Action(StrEnum):
    """What a turn does (section 3.5). ``chat`` is our extension, for human turns that are none of the paper's six."""

    GREETING = "greeting"
    INQUIRE = "inquire"
    RECOMMEND = "recommend"
    DISCLOSE_GOAL = "disclose-goal"
    FEEDBACK = "feedback"
    ACCEPT = "accept"
    CHAT = "chat"


ACTIONS: Mapping[Role, tuple[Action, ...]] = {
    Role.USER: (Action.ACCEPT, Action.FEEDBACK, Action.DISCLOSE_GOAL, Action.GREETING, Action.CHAT),
    Role.RECOMMENDER: (Action.RECOMMEND, Action.INQUIRE, Action.GREETING, Action.CHAT),
}
"""The actions open to each role."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be recommended.

    ``id`` is unique within a data set; ``attributes`` maps a facet ("genre", "director") to its values.
    """

    id: str
    title: str
    year: int | None = None
    domain: str = "movie"
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False, compare=False)

    @property
    def name(self) -> str:
        """Title with the year where it is known: ``Good Will Hunting (1997)``."""
        return self.title if self.year is None else f"{self.title} ({self.year})"


@dataclass(frozen=True, slots=True)
class Mention:
    """An item named in a turn's text, at ``text[start:end]``."""

    item: Item
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One side's uninterrupted say.

    ``mentions`` are the items named in ``text``, in order and without overlap. ``recommended`` are those items
    that the recommender newly proposes here: not brought up by the user before, not recommended before.
    ``scripted`` turns open every dialogue of a data set with the same words: context, but nothing to measure.
    """

    role: Role
    action: Action
    text: str
    mentions: tuple[Mention, ...] = ()
    recommended: tuple[Item, ...] = ()
    scripted: bool = False

    def __post_init__(self) -> None:
        if self.action not in ACTIONS[self.role]:
            raise ValueError(f"a {self.role} cannot {self.action}")
        if self.recommended and self.role is not Role.RECOMMENDER:
            raise ValueError("only a recommender recommends")
        end = 0
        for mention in self.mentions:
            if not end <= mention.start < mention.end <= len(self.text):
                raise ValueError(f"mention of {mention.item.name!r} overlaps another or leaves the text")
            end = mention.end

    @property
    def items(self) -> tuple[Item, ...]:
        """The items named, each once, in order."""
        return tuple(dict.fromkeys(mention.item for mention in self.mentions))


@dataclass(frozen=True, slots=True)
class SeenItem:
    """An item of the user's history, with what they thought of it."""

    item: Item
    review: str


@dataclass(frozen=True, slots=True)
class Persona:
    """Who the user is (section 3.3).

    ``general_preferences`` summarises their tastes, ``history`` holds items seen with reviews (three in the
    paper), ``target_attributes`` says what they look for now and never names the target.
    """

    general_preferences: str = ""
    history: tuple[SeenItem, ...] = ()
    target_attributes: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Dialogue:
    """A gold conversation with its target (``None`` where the data has none).

    ``liked`` holds the user's own answers about items, by item id, where the data asks for them (ReDial).
    ``verdicts`` says, by the index of a turn that proposes, whether the user took what it proposes, where the data
    says so (SGD's offers).
    ``outcome`` is how it ended, in the data set's own words, where it says so (INSPIRED).
    """

    id: str
    user_id: str
    persona: Persona
    target: Item | None
    turns: tuple[Turn, ...]
    liked: Mapping[str, bool] = field(default_factory=dict, hash=False)
    outcome: str = ""
    verdicts: Mapping[int, bool] = field(default_factory=dict, hash=False)

    def __repr__(self) -> str:
        target = "no target" if self.target is None else f"target {self.target.name}"
        return f"<Dialogue {self.id}: {len(self.turns)} turns, {target}>"

    def view(self, role: Role, upto: int) -> View:
        """What ``role`` may know before turn ``upto`` is spoken."""
        return View.of(role, self.persona, self.turns[:upto])

    def proposals(self) -> Iterator[int]:
        """The indices of the turns that recommend something new: the points at which a user decides."""
        return (index for index, turn in enumerate(self.turns) if turn.recommended)

    def opinion(self, index: int) -> bool | None:
        """Whether the person took, or liked, what turn ``index`` proposes; ``None`` where the data does not say.

        Of several items that were liked and disliked, nothing can be said.
        """
        if index in self.verdicts:
            return self.verdicts[index]
        opinions = {self.liked[item.id] for item in self.turns[index].recommended if item.id in self.liked}
        return opinions.pop() if len(opinions) == 1 else None

    def target_turn(self) -> int | None:
        """The index of the turn that first recommends the target; ``None`` where that never happens."""
        return next((i for i in self.proposals() if self.target in self.turns[i].recommended), None)


@dataclass(frozen=True, slots=True)
class View:
    """What one role may know at one point: its persona and the turns so far. There is no room for the target.

    The recommender's persona comes without target attributes.
    """

    role: Role
    persona: Persona
    turns: tuple[Turn, ...]

    @classmethod
    def of(cls, role: Role, persona: Persona, turns: tuple[Turn, ...]) -> View:
        """Build the view of ``role``, leaving out what that role may not know."""
        known = persona if role is Role.USER else replace(persona, target_attributes="")
        return cls(role, known, turns)


@dataclass(frozen=True, slots=True)
class OracleView(View):
    """A view that does carry the target: only for a model that is declared to know it (``knows_target``).

    ``pitch``: in live talk, the turn of the gold dialogue that recommends the target.
    """

    target: Item | None = None
    pitch: Turn | None = None
