"""Token sequences that share beginnings, laid out so that every shared token is computed once.

Prompts of one dialogue are prefixes of each other, or nearly: a chat template closes each with a header, a
tokenizer merges over a seam. Their trie is a long trunk with short twigs. :func:`plant` cuts any set of sequences
into such *limbs*: the longest sequence is a trunk, small side branches are its twigs, a large side branch is a limb
of its own that grows out of the trunk (dialogues that share nothing but their instructions, say).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from interplay_bench.engines.encode import common_prefix

TWIG = 64
"""Tokens from which a side branch becomes a limb. Twigs are attended to through one mask over the whole limb, which
wastes work when they are many; a limb has attention calls of its own, which wastes time when it is small."""

Node = tuple[int, int]
"""A token of the trie: the limb's number, and the token's index there."""


@dataclass(frozen=True, slots=True)
class Twig:
    """A token off the trunk: its id, its position in its sequences, the position at which its branch leaves the
    trunk, and the twigs (by index) that its sequences pass through up to and with itself."""

    token: int
    position: int
    fork: int
    above: tuple[int, ...]


@dataclass(slots=True)
class Limb:
    """A trunk with twigs. Its first token stands at position ``start``; what comes before it is on ``parent``.

    A limb's tokens are indexed trunk first, then twigs. ``last``: the number of the last limb that grows, directly
    or not, out of this one; limbs are numbered depth first.
    """

    number: int
    parent: Limb | None
    start: int
    trunk: tuple[int, ...]
    twigs: list[Twig] = field(default_factory=list)
    last: int = 0

    def __len__(self) -> int:
        return len(self.trunk) + len(self.twigs)

    @property
    def tokens(self) -> list[int]:
        """The ids of all tokens."""
        return [*self.trunk, *(twig.token for twig in self.twigs)]

    @property
    def positions(self) -> list[int]:
        """The position of all tokens in their sequences."""
        return [*range(self.start, self.start + len(self.trunk)), *(twig.position for twig in self.twigs)]

    def context(self) -> list[tuple[Limb, int]]:
        """Whose trunks come before this limb, outermost first, each with how many of its tokens do."""
        if self.parent is None or self.start == 0:
            return []
        if self.start <= self.parent.start:  # grows from where the parent does
            return Limb(-1, self.parent.parent, self.start, ()).context()
        return [*self.parent.context(), (self.parent, self.start - self.parent.start)]


@dataclass(frozen=True, slots=True)
class Path:
    """Where one sequence runs: along ``limb`` (and what is before it) up to position ``fork``, then over twigs."""

    limb: Limb
    fork: int
    twigs: tuple[int, ...]

    def node(self, position: int) -> Node:
        """The token at ``position``."""
        if position >= self.fork:
            return self.limb.number, len(self.limb.trunk) + self.twigs[position - self.fork]
        limb = self.limb
        while position < limb.start:
            assert limb.parent is not None
            limb = limb.parent
        return limb.number, position - limb.start


def plant(sequences: Sequence[tuple[int, ...]]) -> tuple[list[Limb], list[Path]]:
    """Lay out ``sequences`` (none empty); return the limbs, depth first, and the path of each sequence."""
    ordered = sorted(set(sequences))
    shared = [0, *(common_prefix(a, b) for a, b in pairwise(ordered))]
    forest = _Forest(ordered, shared)
    low = 0
    for high in range(1, len(ordered) + 1):
        if high == len(ordered) or shared[high] == 0:
            forest.grow(low, high, 0, None)
            low = high
    return forest.limbs, [forest.paths[sequence] for sequence in sequences]


class _Forest:
    """Sorted distinct sequences; ``shared[i]``: how many tokens sequence ``i`` shares with the one before it."""

    def __init__(self, ordered: list[tuple[int, ...]], shared: list[int]) -> None:
        self.ordered, self.shared = ordered, shared
        self.limbs: list[Limb] = []
        self.paths: dict[tuple[int, ...], Path] = {}

    def grow(self, low: int, high: int, start: int, parent: Limb | None) -> None:
        """Make a limb, and those growing out of it, of the sequences from ``low`` to ``high``; they agree up to
        position ``start`` at least, and that far they run on ``parent``."""
        longest = max(range(low, high), key=lambda i: len(self.ordered[i]))
        trunk = self.ordered[longest]
        limb = Limb(len(self.limbs), parent, start, trunk[start:])
        self.limbs.append(limb)
        self.paths[trunk] = Path(limb, len(trunk), ())
        large = []
        for first, end, fork in self._branches(low, high, longest):
            if self._size(first, end, fork) < TWIG:
                self._sprout(limb, first, end, fork)
            else:
                large.append((first, end, fork))
        for first, end, fork in large:
            self.grow(first, end, fork, limb)
        limb.last = len(self.limbs) - 1

    def _branches(self, low: int, high: int, longest: int) -> list[tuple[int, int, int]]:
        """The side branches of sequence ``longest``: first and end sequence, and where it leaves."""
        forks = {}
        fork = len(self.ordered[longest])
        for i in range(longest, low, -1):
            forks[i - 1] = fork = min(fork, self.shared[i])
        fork = len(self.ordered[longest])
        for i in range(longest + 1, high):
            forks[i] = fork = min(fork, self.shared[i])
        branches: list[tuple[int, int, int]] = []
        for i in sorted(forks):
            first = i
            if i - 1 in forks and forks[i - 1] == forks[i] < self.shared[i]:
                first, _, _ = branches.pop()
            branches.append((first, i + 1, forks[i]))
        return branches

    def _size(self, first: int, end: int, fork: int) -> int:
        """How many tokens a side branch has."""
        new = (len(self.ordered[i]) - (fork if i == first else max(fork, self.shared[i])) for i in range(first, end))
        return sum(new)

    def _sprout(self, limb: Limb, first: int, end: int, fork: int) -> None:
        """Add a side branch to the twigs of ``limb``."""
        above: tuple[int, ...] = ()
        for i in range(first, end):
            sequence = self.ordered[i]
            above = () if i == first else above[: max(0, self.shared[i] - fork)]
            for position in range(fork + len(above), len(sequence)):
                above = (*above, len(limb.twigs))
                limb.twigs.append(Twig(sequence[position], position, fork, above))
            self.paths[sequence] = Path(limb, fork, above)
