import random

import pytest

from interplay_bench.engines import trie
from interplay_bench.engines.trie import Node, plant


def grow(rng: random.Random) -> list[tuple[int, ...]]:
    """Sequences over a small alphabet, many beginning like an earlier one."""
    sequences: list[tuple[int, ...]] = []
    for _ in range(rng.randint(1, 12)):
        base = rng.choice(sequences) if sequences and rng.random() < 0.7 else ()
        tail = [rng.randint(0, 2) for _ in range(rng.randint(1, 8))]
        sequences.append((*base[: rng.randint(0, len(base))], *tail))
    return sequences


@pytest.mark.parametrize("twig", [1, 2, 4, 64])
def test_every_token_of_every_sequence_has_its_node_and_shared_ones_share_it(
    twig: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trie, "TWIG", twig)
    rng = random.Random(twig)
    for _ in range(500):
        sequences = grow(rng)
        limbs, paths = plant(sequences)
        prefixes = {s[: n + 1] for s in sequences for n in range(len(s))}
        assert sum(map(len, limbs)) == len(prefixes)
        nodes: dict[Node, tuple[int, ...]] = {}
        for sequence, path in zip(sequences, paths, strict=True):
            for position, token in enumerate(sequence):
                number, index = path.node(position)
                assert limbs[number].tokens[index] == token
                assert limbs[number].positions[index] == position
                assert nodes.setdefault((number, index), sequence[: position + 1]) == sequence[: position + 1]


@pytest.mark.parametrize("twig", [1, 4, 64])
def test_limbs_come_depth_first_and_know_what_is_before_them(twig: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trie, "TWIG", twig)
    rng = random.Random(twig)
    for _ in range(200):
        limbs, _ = plant(grow(rng))
        for number, limb in enumerate(limbs):
            assert limb.number == number <= limb.last < len(limbs)
            assert sum(count for _, count in limb.context()) == limb.start
            assert all(above.number < number <= above.last for above, _ in limb.context())


def test_a_replayed_dialogue_is_one_trunk() -> None:
    dialogue = tuple(range(100))
    limbs, paths = plant([dialogue[:n] for n in (20, 40, 100)])
    assert [limb.trunk for limb in limbs] == [dialogue]
    assert [path.node(19) for path in paths] == [(0, 19)] * 3


def test_small_branches_are_twigs_and_large_ones_limbs() -> None:
    dialogue = tuple(range(100))
    header = (*dialogue[:30], 500, 501)
    other = (*dialogue[:10], *range(600, 690))
    limbs, paths = plant([dialogue, header, other])
    assert len(limbs) == 2
    assert [twig.token for twig in limbs[0].twigs] == [500, 501]
    assert limbs[0].twigs[1].above == (0, 1)
    assert limbs[1].start == 10
    assert paths[1].node(31) == (0, 101)
    assert paths[2].node(5) == (0, 5)


def test_identical_sequences_share_a_path() -> None:
    limbs, paths = plant([(1, 2), (1, 2)])
    assert len(limbs) == 1
    assert paths[0] == paths[1]
