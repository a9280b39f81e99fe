"""What a network is shown never holds what it is to predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from interplay_bench import Dialogue, Item, Mention, Role, Turn
from interplay_bench.datasets.load import load_dataset
from interplay_bench.unicrs.graph import KnowledgeGraph, read_graph
from interplay_bench.unicrs.linking import Linker
from interplay_bench.unicrs.network import Network
from interplay_bench.unicrs.unicrs_example import (
    Context,
    UniCRSExample,
    conversation,
    pretraining,
    recommendation,
    slotted,
)


def test_a_target_among_the_inputs_cannot_be_made() -> None:
    context = Context("User: hi\n", Role.RECOMMENDER, (3,), frozenset({4}))
    assert UniCRSExample(context, (5,)).targets == (5,)
    for leaked in (3, 4):
        with pytest.raises(ValueError, match="among the inputs"):
            UniCRSExample(context, (5, leaked))


def test_what_is_shown_is_what_was_said_before(dialogues: tuple[Dialogue, ...], graph: KnowledgeGraph) -> None:
    linker = Linker(graph)
    for dialogue in dialogues:
        turns = dialogue.turns
        before = {Context.of(turns[:place], turn.role, linker): turn for place, turn in enumerate(turns)}
        for examples in (pretraining([dialogue], linker), recommendation([dialogue], linker)):
            for example in examples:
                assert set(example.targets) <= set(linker.entities(before[example.context]))
        for example in conversation([dialogue], linker, "all"):
            assert example.response == slotted(before[example.context])


def test_pretraining_reads_the_same_whatever_it_is_to_predict(
    dialogues: tuple[Dialogue, ...], network: Callable[..., Network]
) -> None:
    """The known leak: in the released code, the entities of the turn to be predicted are among the inputs."""
    made = network()
    turns = dialogues[0].turns[:4]
    film = Item("x", "Kappa", 1994)
    other = Turn(turns[3].role, turns[3].action, film.name, (Mention(film, 0, len(film.name)),), (film,))
    true, false = (
        [*pretraining([replace(dialogues[0], turns=(*turns[:3], last))], made.linker)][-1] for last in (turns[3], other)
    )
    assert true.targets != false.targets
    read = [made.reader.read([example.context], [[]], [[]])[0] for example in (true, false)]
    for name in ("states", "words", "entities"):
        assert torch.equal(getattr(read[0], name), getattr(read[1], name))


def test_no_target_was_named_before(dialogues: tuple[Dialogue, ...], graph: KnowledgeGraph) -> None:
    linker = Linker(graph)
    examples = [*pretraining(dialogues, linker), *recommendation(dialogues, linker)]
    assert len(examples) > 30
    for example in examples:
        assert not set(example.targets) & set(example.context.entities)
        assert not any(graph.names[target] in example.context.lines for target in example.targets)


def test_on_redial_no_target_was_named_before(data: Path) -> None:
    linker = Linker(read_graph(data / "redial"))
    found = load_dataset("redial", str(data / "redial"), "test").dialogues[:40]
    examples = [*pretraining(found, linker), *recommendation(found, linker)]
    assert len(examples) > 150
    assert not [e for e in examples if set(e.targets) & set(e.context.entities)]


def test_a_template_has_slots_for_items(dialogues: tuple[Dialogue, ...]) -> None:
    assert slotted(dialogues[0].turns[3]) == ("you could watch ", None, " then")
    assert slotted(dialogues[0].turns[0]) == ("hello i like Ann Lee",)
