"""Token sequences that share beginnings, laid out so that every shared token is computed once.

Prompts of one dialogue are prefixes of each other, or nearly: a chat template closes each with a header, a tokenizer
merges over a seam. Their trie is a long trunk with short branch tokens. :func:`build_trie` cuts any set of sequences
into such *segments*: the longest sequence is a trunk, small side branches are its branch tokens, a large side branch is
a segment of its own that grows out of the trunk (dialogues that share nothing but their instructions, say).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from interplay_bench.engines.local.encode import common_prefix

BRANCH = 64
"""Tokens from which a side branch becomes a segment. Branch tokens are attended to through one mask over the whole
segment, which wastes work when they are many; a segment has attention calls of its own, which wastes time when it is
small."""

Node = tuple[int, int]
"""A token of the trie: the segment's number, and the token's index there."""


@dataclass(frozen=True, slots=True)
class BranchToken:
    """A token off the trunk: its id, its position in its sequences, the position at which its branch leaves the
    trunk, and the branch tokens (by index) that its sequences pass through up to and with itself."""

    token: int
    position: int
    fork: int
    above: tuple[int, ...]


@dataclass(slots=True)
class Segment:
    """A trunk with branch tokens. Its first token stands at position ``start``; what comes before it is on ``parent``.

    A segment's tokens are indexed trunk first, then branch tokens. ``last``: the number of the last segment that grows,
    directly or not, out of this one; segments are numbered depth first.
    """

    number: int
    parent: Segment | None
    start: int
    trunk: tuple[int, ...]
    branch_tokens: list[BranchToken] = field(default_factory=list)
    last: int = 0

    def __len__(self) -> int:
        return len(self.trunk) + len(self.branch_tokens)

    @property
    def tokens(self) -> list[int]:
        """The ids of all tokens."""
        return [*self.trunk, *(branch_token.token for branch_token in self.branch_tokens)]

    @property
    def positions(self) -> list[int]:
        """The position of all tokens in their sequences."""
        return [
            *range(self.start, self.start + len(self.trunk)),
            *(branch_token.position for branch_token in self.branch_tokens),
        ]

    def context(self) -> list[tuple[Segment, int]]:
        """Whose trunks come before this segment, outermost first, each with how many of its tokens do."""
        if self.parent is None or self.start == 0:
            return []
        if self.start <= self.parent.start:  # grows from where the parent does
            return Segment(-1, self.parent.parent, self.start, ()).context()
        return [*self.parent.context(), (self.parent, self.start - self.parent.start)]


@dataclass(frozen=True, slots=True)
class Path:
    """Where one sequence runs: along ``segment`` (and what is before it) up to position ``fork``, then over branch
    tokens."""

    segment: Segment
    fork: int
    branch_tokens: tuple[int, ...]

    def node(self, position: int) -> Node:
        """The token at ``position``."""
        if position >= self.fork:
            return self.segment.number, len(self.segment.trunk) + self.branch_tokens[position - self.fork]
        segment = self.segment
        while position < segment.start:
            assert segment.parent is not None
            segment = segment.parent
        return segment.number, position - segment.start


def build_trie(sequences: Sequence[tuple[int, ...]]) -> tuple[list[Segment], list[Path]]:
    """Lay out ``sequences`` (none empty); return the segments, depth first, and the path of each sequence."""
    ordered = sorted(set(sequences))
    shared = [0, *(common_prefix(a, b) for a, b in pairwise(ordered))]
    builder = _Forest(ordered, shared)
    low = 0
    for high in range(1, len(ordered) + 1):
        if high == len(ordered) or shared[high] == 0:
            builder.grow(low, high, 0, None)
            low = high
    return builder.segments, [builder.paths[sequence] for sequence in sequences]


class _Forest:
    """Sorted distinct sequences; ``shared[i]``: how many tokens sequence ``i`` shares with the one before it."""

    def __init__(self, ordered: list[tuple[int, ...]], shared: list[int]) -> None:
        self.ordered, self.shared = ordered, shared
        self.segments: list[Segment] = []
        self.paths: dict[tuple[int, ...], Path] = {}

    def grow(self, low: int, high: int, start: int, parent: Segment | None) -> None:
        """Make a segment, and those growing out of it, of the sequences from ``low`` to ``high``; they agree up to
        position ``start`` at least, and that far they run on ``parent``."""
        longest = max(range(low, high), key=lambda i: len(self.ordered[i]))
        trunk = self.ordered[longest]
        segment = Segment(len(self.segments), parent, start, trunk[start:])
        self.segments.append(segment)
        self.paths[trunk] = Path(segment, len(trunk), ())
        large = []
        for first, end, fork in self._branches(low, high, longest):
            if self._size(first, end, fork) < BRANCH:
                self._branch(segment, first, end, fork)
            else:
                large.append((first, end, fork))
        for first, end, fork in large:
            self.grow(first, end, fork, segment)
        segment.last = len(self.segments) - 1

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

    def _branch(self, segment: Segment, first: int, end: int, fork: int) -> None:
        """Add a side branch to the branch tokens of ``segment``."""
        above: tuple[int, ...] = ()
        for i in range(first, end):
            sequence = self.ordered[i]
            above = () if i == first else above[: max(0, self.shared[i] - fork)]
            for position in range(fork + len(above), len(sequence)):
                above = (*above, len(segment.branch_tokens))
                segment.branch_tokens.append(BranchToken(sequence[position], position, fork, above))
            self.paths[sequence] = Path(segment, fork, above)
