"""``audit masks``: which tokens a role learns from, shown in colour and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.environment.errors import DataError
from interplay_bench.training.role_example import ExampleEncoder, RoleExample

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {Role.USER: "bold green", Role.RECOMMENDER: "bold blue"}
"""How a role's supervised tokens are shown."""


@dataclass(frozen=True, slots=True)
class MaskReport:
    """The masks of some dialogues, counted.

    ``empty``: dialogues in which the role has nothing to learn from, by id. ``overlapping``: tokens that both roles
    would learn from; ``uncovered``: tokens of turns that neither would. The last two are 0 in sound masks.
    """

    role: Role
    dialogues: int
    tokens: int
    supervised: int
    turns: int
    empty: tuple[str, ...]
    overlapping: int
    uncovered: int

    @property
    def sound(self) -> bool:
        """Whether the roles' masks are disjoint and cover every turn, and no mask is empty."""
        return not (self.empty or self.overlapping or self.uncovered)

    def render(self) -> str:
        """The counts in lines."""
        share = self.supervised / self.tokens if self.tokens else 0.0
        lines = [
            f"{self.dialogues} dialogues, {self.turns} turns of the {self.role}",
            f"{self.tokens} tokens, {self.supervised} supervised ({share:.1%})",
            f"{self.overlapping} tokens in the masks of both roles, {self.uncovered} tokens of turns in neither",
        ]
        if self.empty:
            lines.append(f"EMPTY masks: {len(self.empty)}, for example {self.empty[0]}")
        return "\n".join(lines)


def audit_masks(dialogues: Sequence[Dialogue], role: Role, tokenizer: Any, max_tokens: int = 2048) -> MaskReport:
    """Encode every dialogue for both roles and compare their masks, turn by turn."""
    mine, other = ExampleEncoder(tokenizer, role, max_tokens), ExampleEncoder(tokenizer, _other(role), max_tokens)
    tokens = supervised = turns = overlapping = uncovered = 0
    empty = []
    for dialogue in dialogues:
        own, theirs = _encode(mine, dialogue), _encode(other, dialogue)
        if not own:
            empty.append(dialogue.id)
            continue
        tokens += sum(len(example.ids) for example in own)
        supervised += sum(example.supervised for example in own)
        turns += len({turn for example in own for turn, _ in _masks(example)})
        both = [place for example in (*own, *theirs) for place in _masks(example)]
        overlapping += len(both) - len(set(both))
        spoken = {place for example in own for place, _ in _numbered(example)}
        if not theirs:
            spoken = {(turn, number) for turn, number in spoken if dialogue.turns[turn].role is role}
        uncovered += len(spoken - set(both))
    return MaskReport(role, len(dialogues), tokens, supervised, turns, tuple(empty), overlapping, uncovered)


def colour(example: RoleExample, role: Role, tokenizer: Any) -> Text:
    """The example's text, with the tokens that ``role`` learns from in its colour and the others dimmed."""
    from rich.text import Text

    text = Text()
    # Run by run, since a character may be made of several tokens.
    for used, run in groupby(zip(example.mask, example.ids, strict=True), key=itemgetter(0)):
        text.append(tokenizer.decode([token for _, token in run]), style=STYLES[role] if used else "dim")
    return text


def _other(role: Role) -> Role:
    return Role.RECOMMENDER if role is Role.USER else Role.USER


def _encode(encoder: ExampleEncoder, dialogue: Dialogue) -> list[RoleExample]:
    try:
        return encoder.examples(dialogue)
    except DataError:
        return []


def _numbered(example: RoleExample) -> Iterator[tuple[tuple[int, int], bool]]:
    """For each token of a turn: the turn with the token's number in it, and whether it is supervised.

    The two roles see different personas, so that places differ between them; numbers within turns do not.
    """
    counts: dict[int, int] = {}
    for turn, used in zip(example.turns, example.mask, strict=True):
        if turn >= 0:
            counts[turn] = counts.get(turn, -1) + 1
            yield (turn, counts[turn]), used


def _masks(example: RoleExample) -> list[tuple[int, int]]:
    return [place for place, used in _numbered(example) if used]
