from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from interplay_bench import Action, Dialogue, Item, Role, Turn
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.unicrs.entity_encoder import EntityEncoder, both_ways
from interplay_bench.unicrs.graph import KnowledgeGraph, read_graph
from interplay_bench.unicrs.linking import Linker


def test_it_survives_a_checkpoint(graph: KnowledgeGraph) -> None:
    assert len(graph.names) == 10
    assert len(graph.edges) == 12
    assert KnowledgeGraph.of(json.loads(json.dumps(graph.to_json())), "x") == graph


def _edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(change((folder / name).read_text()))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "kg.json").unlink(), "has no kg.json"),
        (_edit("kg.json", lambda text: text[:-3]), "is no valid JSON"),
        (_edit("kg.json", lambda text: "[1]"), "is no JSON object"),
        (_edit("kg.json", lambda text: '{"0": [[0]]}'), "[relation, tail] is needed"),
        (_edit("kg.json", lambda text: '{"0": 3}'), "[relation, tail] is needed"),
        (_edit("kg.json", lambda text: '{"zero": [[0, 1]]}'), "no number"),
        (_edit("kg.json", lambda text: '{"0": [[0, 99]]}'), "unknown numbers"),
        (_edit("entity2id.json", lambda text: text.replace("9", "11")), "without gaps"),
        (_edit("item_ids.json", lambda text: "[10]"), "which is no entity's number"),
        (_edit("item_ids.json", lambda text: '["x"]'), "malformed"),
        (_edit("item_ids.json", lambda text: "[]"), "no items"),
    ],
)
def test_what_is_broken_is_one_line(world: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(world)
    with pytest.raises(DataError) as caught:
        read_graph(world)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_item_listed_twice_is_one_candidate(world: Path) -> None:
    (world / "item_ids.json").write_text("[2, 0, 2, 1]")
    assert read_graph(world).items == (2, 0, 1)


def test_a_missing_folder_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--set graph=FOLDER"):
        read_graph(tmp_path / "none")


def test_an_item_is_found_by_its_title(graph: KnowledgeGraph) -> None:
    linker = Linker(graph)
    assert linker.entity(Item("x", "Bravo", 1991)) == 1
    assert linker.entity(Item("x", "bravo")) == 1
    assert linker.entity(Item("x", "Bravo", 2020)) is None
    assert linker.entity(Item("x", "Unknown")) is None


def test_a_turn_mentions_items_and_people_but_no_rare_single_words(
    graph: KnowledgeGraph, dialogues: tuple[Dialogue, ...]
) -> None:
    linker = Linker(graph)
    assert linker.entities(dialogues[0].turns[0]) == (8,)
    assert linker.entities(dialogues[0].turns[1]) == (0,)
    text = "Ann Lee in a drama, and ann lee in Kappa (1994) with Bob Roe"
    turn = Turn(Role.USER, Action.CHAT, text, TitleIndex([Item("k", "Kappa", 1994)]).mentions(text))
    assert linker.entities(turn) == (8, 4, 9)


def test_some_entities_come_out_as_all_do(graph: KnowledgeGraph) -> None:
    torch.manual_seed(0)
    encoder = EntityEncoder(graph, 6, 8, 2, True, torch.randn(10, 5))
    everything, some = encoder(torch.arange(10)), encoder(torch.tensor([7, 2, 2]))
    numbers = torch.tensor([2, 7])
    torch.testing.assert_close(some.of(numbers), everything.of(numbers))
    assert len(some.table) == 2


def test_the_convolution_is_the_mean_of_neighbours_by_relation(graph: KnowledgeGraph) -> None:
    """Schlichtkrull et al. 2018, eq. 2: W_0 x + the sum over relations of the mean of W_r x over neighbours."""
    from torch_geometric.nn import RGCNConv

    torch.manual_seed(0)
    layer = RGCNConv(8, 8, 4, num_bases=2)
    edges, kinds = both_ways(graph)
    x = torch.randn(10, 8)
    matrices = torch.einsum("rb,bij->rij", layer.comp, layer.weight)
    for node in range(10):
        wanted = x[node] @ layer.root + layer.bias
        for kind in range(4):
            near = edges[0][(edges[1] == node) & (kinds == kind)]
            wanted = wanted + (x[near].mean(0) @ matrices[kind] if len(near) else 0)
        torch.testing.assert_close(layer(x, edges, kinds)[node], wanted)
