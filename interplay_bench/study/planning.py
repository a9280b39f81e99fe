"""Making a plan: dialogues that share a persona are paired, or taken alone to be rated, and dealt to annotators.

Everything is drawn from the seed but the annotators' secrets: who knows the seed must not know the links.
"""

from __future__ import annotations

import random
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from interplay_bench.dialogues.dialogue import Dialogue, Persona, Turn
from interplay_bench.dialogues.markup import readable
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.plan import FORMAT, Annotator, Kind, Line, Pair, Plan, Showing, Side

SHORTEST = 4
"""The fewest turns of a dialogue whose scrambling anybody could notice."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to judge.

    ``each``: how many pairs each annotator judges, ``None`` for all. ``repeats`` of them come again with the sides
    swapped; ``controls`` are mixed in.
    """

    pairs: int = 50
    annotators: int = 10
    each: int | None = None
    repeats: int = 3
    controls: int = 2

    def __post_init__(self) -> None:
        shown = self.pairs if self.each is None else self.each
        if self.pairs < 1 or self.annotators < 1 or min(self.repeats, self.controls) < 0:
            raise UsageError("A study takes at least one pair and one annotator, and no negative number of others.")
        if not 1 <= shown <= self.pairs:
            raise UsageError(f"Each annotator can judge 1 to {self.pairs} pairs, not {shown}.")
        if self.repeats > shown:
            raise UsageError(f"Of {shown} pairs, {self.repeats} cannot be repeated.")


def new_plan(
    names: tuple[str, str],
    dialogues: tuple[Sequence[Dialogue], Sequence[Dialogue]],
    criteria: Sequence[Criterion],
    size: Size,
    seed: int,
) -> Plan:
    """Plan a study of ``dialogues``, A's and B's; a :class:`DataError` where too few share a persona."""
    _check_scales(criteria, wanted=False)
    rng = random.Random(seed)
    matches = _matches(*dialogues)
    if len(matches) < size.pairs:
        raise DataError(
            f"{names[0]} and {names[1]} have {len(matches)} pairs of dialogues with the same persona: ask for no more "
            "by --pairs."
        )
    pairs = [
        Pair(f"p{n}", profile(a.persona), _lines(a.turns), _lines(b.turns))
        for n, (a, b) in enumerate(rng.sample(matches, size.pairs), 1)
    ]
    controls = _controls(pairs, size.controls, rng)
    annotators = _annotators(_deal(pairs, controls, size, rng))
    return Plan(FORMAT, *names, seed, tuple(criteria), (*pairs, *controls), annotators)


def new_rating_plan(
    name: str, dialogues: Sequence[Dialogue], criteria: Sequence[Criterion], size: Size, seed: int
) -> Plan:
    """Plan a study in which dialogues are rated alone; without controls, since nothing stands beside them."""
    _check_scales(criteria, wanted=True)
    rng = random.Random(seed)
    spoken = [dialogue for dialogue in dialogues if dialogue.turns]
    if len(spoken) < size.pairs:
        raise DataError(f"{name} has {len(spoken)} dialogues: ask for no more by --pairs.")
    drawn = enumerate(rng.sample(spoken, size.pairs), 1)
    alone = [Pair(f"d{n}", profile(each.persona), _lines(each.turns), ()) for n, each in drawn]
    pages = [
        tuple(replace(showing, left="a") for showing in showings)
        for showings in _deal(alone, [], replace(size, controls=0), rng)
    ]
    return Plan(FORMAT, name, "", seed, tuple(criteria), tuple(alone), _annotators(pages))


def _check_scales(criteria: Sequence[Criterion], *, wanted: bool) -> None:
    for criterion in criteria:
        if bool(criterion.scale) is not wanted:
            what = (
                "needs a scale: dialogues are rated alone" if wanted else "has a scale: leave B out to rate dialogues"
            )
            raise UsageError(f"The criterion {criterion.key!r} {what}.")


def _annotators(pages: Sequence[tuple[Showing, ...]]) -> tuple[Annotator, ...]:
    return tuple(
        Annotator(f"annotator-{n}", secrets.token_urlsafe(24), secrets.token_hex(4).upper(), showings)
        for n, showings in enumerate(pages, 1)
    )


def profile(persona: Persona) -> str:
    """What annotators may read of the user: tastes and films seen, nothing of what they look for now."""
    seen = ", ".join(each.item.name for each in persona.history)
    return "\n".join(filter(None, (persona.general_preferences.strip(), f"Has seen: {seen}." if seen else "")))


def _matches(a: Sequence[Dialogue], b: Sequence[Dialogue]) -> list[tuple[Dialogue, Dialogue]]:
    """Dialogues that share a persona, each used once, in order."""
    of_persona: dict[Persona, list[Dialogue]] = defaultdict(list)
    for dialogue in b:
        of_persona[dialogue.persona].append(dialogue)
    found = []
    for dialogue in a:
        partners = of_persona[dialogue.persona]
        if partners and dialogue.persona != Persona() and dialogue.turns and partners[0].turns:
            found.append((dialogue, partners.pop(0)))
    return found


def _lines(turns: Sequence[Turn]) -> tuple[Line, ...]:
    return tuple(Line(turn.role.value, readable(turn.text)) for turn in turns)


def _controls(pairs: Sequence[Pair], count: int, rng: random.Random) -> list[Pair]:
    """Dialogues against their own scrambled turns."""
    long = [pair for pair in pairs if len(set(pair.a)) >= SHORTEST]
    if len(long) < count:
        raise DataError(f"Only {len(long)} dialogues have {SHORTEST} turns to scramble: ask for fewer by --controls.")
    return [
        Pair(f"c{n}", pair.profile, pair.a, _scrambled(pair.a, rng))
        for n, pair in enumerate(rng.sample(long, count), 1)
    ]


def _scrambled(lines: tuple[Line, ...], rng: random.Random) -> tuple[Line, ...]:
    """The same lines in another order."""
    mixed = list(lines)
    while tuple(mixed) == lines:
        rng.shuffle(mixed)
    return tuple(mixed)


def _deal(pairs: Sequence[Pair], controls: Sequence[Pair], size: Size, rng: random.Random) -> list[tuple[Showing, ...]]:
    """Each annotator's pages. Every pair is judged by as many as every other, or by one more."""
    each = len(pairs) if size.each is None else size.each
    dealt = []
    for n in range(size.annotators):
        own = [pairs[(n * each + k) % len(pairs)] for k in range(each)]
        sides = _balanced(len(own), rng)
        first = [Showing(pair.id, side, Kind.PAIR) for pair, side in zip(own, sides, strict=True)]
        rng.shuffle(first)
        again = [Showing(s.pair, "b" if s.left == "a" else "a", Kind.REPEAT) for s in rng.sample(first, size.repeats)]
        hidden = [
            Showing(pair.id, side, Kind.CONTROL)
            for pair, side in zip(controls, _balanced(len(controls), rng), strict=True)
        ]
        dealt.append(tuple(_mixed(first, again, hidden, rng)))
    return dealt


def _balanced(count: int, rng: random.Random) -> list[Side]:
    """As many a's as b's (one more of either where ``count`` is odd), shuffled."""
    start = rng.randrange(2)
    both: tuple[Side, Side] = ("a", "b")
    sides = [both[(start + k) % 2] for k in range(count)]
    rng.shuffle(sides)
    return sides


def _mixed(
    first: Sequence[Showing], again: Sequence[Showing], hidden: Sequence[Showing], rng: random.Random
) -> list[Showing]:
    """Controls anywhere; a repeat anywhere behind its original."""
    pages = list(first)
    for page in hidden:
        pages.insert(rng.randint(0, len(pages)), page)
    for page in again:
        original = next(i for i, each in enumerate(pages) if each.pair == page.pair)
        pages.insert(rng.randint(original + 1, len(pages)), page)
    return pages
