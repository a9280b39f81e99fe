import random

import pytest

from interplay_bench.engines.local import prefix_trie as trie
from interplay_bench.engines.local.prefix_trie import Node, build_trie


def grow(rng: random.Random) -> list[tuple[int, ...]]:
    """Sequences over a small alphabet, many beginning like an earlier one."""
    sequences: list[tuple[int, ...]] = []
    for _ in range(rng.randint(1, 12)):
        base = rng.choice(sequences) if sequences and rng.random() < 0.7 else ()
        tail = [rng.randint(0, 2) for _ in range(rng.randint(1, 8))]
        sequences.append((*base[: rng.randint(0, len(base))], *tail))
    return sequences


@pytest.mark.parametrize("branch_token", [1, 2, 4, 64])
def test_every_token_of_every_sequence_has_its_node_and_shared_ones_share_it(
    branch_token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trie, "BRANCH", branch_token)
    rng = random.Random(branch_token)
    for _ in range(500):
        sequences = grow(rng)
        segments, paths = build_trie(sequences)
        prefixes = {s[: n + 1] for s in sequences for n in range(len(s))}
        assert sum(map(len, segments)) == len(prefixes)
        nodes: dict[Node, tuple[int, ...]] = {}
        for sequence, path in zip(sequences, paths, strict=True):
            for position, token in enumerate(sequence):
                number, index = path.node(position)
                assert segments[number].tokens[index] == token
                assert segments[number].positions[index] == position
                assert nodes.setdefault((number, index), sequence[: position + 1]) == sequence[: position + 1]


@pytest.mark.parametrize("branch_token", [1, 4, 64])
def test_limbs_come_depth_first_and_know_what_is_before_them(
    branch_token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trie, "BRANCH", branch_token)
    rng = random.Random(branch_token)
    for _ in range(200):
        segments, _ = build_trie(grow(rng))
        for number, segment in enumerate(segments):
            assert segment.number == number <= segment.last < len(segments)
            assert sum(count for _, count in segment.context()) == segment.start
            assert all(above.number < number <= above.last for above, _ in segment.context())


def test_a_replayed_dialogue_is_one_trunk() -> None:
    dialogue = tuple(range(100))
    segments, paths = build_trie([dialogue[:n] for n in (20, 40, 100)])
    assert [segment.trunk for segment in segments] == [dialogue]
    assert [path.node(19) for path in paths] == [(0, 19)] * 3


def test_small_branches_are_twigs_and_large_ones_limbs() -> None:
    dialogue = tuple(range(100))
    header = (*dialogue[:30], 500, 501)
    other = (*dialogue[:10], *range(600, 690))
    segments, paths = build_trie([dialogue, header, other])
    assert len(segments) == 2
    assert [branch_token.token for branch_token in segments[0].branch_tokens] == [500, 501]
    assert segments[0].branch_tokens[1].above == (0, 1)
    assert segments[1].start == 10
    assert paths[1].node(31) == (0, 101)
    assert paths[2].node(5) == (0, 5)


def test_identical_sequences_share_a_path() -> None:
    segments, paths = build_trie([(1, 2), (1, 2)])
    assert len(segments) == 1
    assert paths[0] == paths[1]
