"""What the network is shown and what it is to predict, made so that a target cannot be among its own inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from interplay_bench.dialogues.dialogue import Dialogue, Role, Turn
from interplay_bench.unicrs.linking import Linker

SPEAKERS = {Role.USER: "User", Role.RECOMMENDER: "System"}

Piece = str | None
"""A piece of a response: text, or ``None`` for an item slot."""


@dataclass(frozen=True, slots=True)
class Context:
    """All that is known before a turn is spoken.

    ``lines``: the turns so far, each behind its speaker. ``speaker``: whose turn is next. ``entities``: what was
    mentioned so far, each once; ``items``: those that are items.
    """

    lines: str
    speaker: Role
    entities: tuple[int, ...]
    items: frozenset[int]

    @classmethod
    def of(cls, turns: Sequence[Turn], speaker: Role, linker: Linker) -> Context:
        """Read the turns before ``speaker``'s."""
        lines = "".join(f"{SPEAKERS[turn.role]}: {turn.text}\n" for turn in turns)
        entities = tuple(dict.fromkeys(entity for turn in turns for entity in linker.entities(turn)))
        items = (linker.entity(item) for turn in turns for item in turn.items)
        return cls(lines, speaker, entities, frozenset(item for item in items if item is not None))

    @property
    def text(self) -> str:
        """The lines and the cue of the next speaker."""
        return f"{self.lines}{SPEAKERS[self.speaker]}:"


@dataclass(frozen=True, slots=True)
class UniCRSExample:
    """A context, and of the turn that follows it the entities that are new (``targets``) and the ``response``."""

    context: Context
    targets: tuple[int, ...]
    response: tuple[Piece, ...] = ()

    def __post_init__(self) -> None:
        leaked = set(self.targets) & (set(self.context.entities) | self.context.items)
        if leaked:
            raise ValueError(f"targets are among the inputs: {sorted(leaked)}")


def pretraining(dialogues: Iterable[Dialogue], linker: Linker) -> Iterator[UniCRSExample]:
    """Stage 1: before every turn of either side that mentions something new, the entities that it will mention."""
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.turns):
            context = Context.of(dialogue.turns[:place], turn.role, linker)
            targets = tuple(entity for entity in linker.entities(turn) if entity not in context.entities)
            if targets:
                yield UniCRSExample(context, targets)


def conversation(
    dialogues: Iterable[Dialogue], linker: Linker, talk: Literal["all", "recommending"]
) -> Iterator[UniCRSExample]:
    """Stage 2: the recommender's turns with a slot for every item; ``talk``: all of them, or those with a slot."""
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.turns):
            if turn.role is Role.RECOMMENDER and (turn.mentions or talk == "all") and not turn.scripted:
                context = Context.of(dialogue.turns[:place], turn.role, linker)
                yield UniCRSExample(context, (), slotted(turn))


def recommendation(dialogues: Iterable[Dialogue], linker: Linker) -> Iterator[UniCRSExample]:
    """Stage 3: before every turn of the recommender that names new items, these items."""
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.turns):
            if turn.role is Role.RECOMMENDER and turn.mentions:
                context = Context.of(dialogue.turns[:place], turn.role, linker)
                named = dict.fromkeys(linker.entity(item) for item in turn.items)
                targets = tuple(item for item in named if item is not None and item not in context.items)
                targets = tuple(item for item in targets if item not in context.entities)
                if targets:
                    yield UniCRSExample(context, targets)


def slotted(turn: Turn) -> tuple[Piece, ...]:
    """The turn's text with every mention of an item replaced by a slot: a response template."""
    pieces: list[Piece] = []
    at = 0
    for mention in turn.mentions:
        pieces += [turn.text[at : mention.start], None]
        at = mention.end
    return tuple(piece for piece in (*pieces, turn.text[at:]) if piece is None or piece.strip())
