"""What a network is shown never holds what it is to predict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from interplay_bench import Dialogue, Role
from interplay_bench.runner import load
from interplay_bench.unicrs.example import Context, Example, conversation, pretraining, recommendation, slotted
from interplay_bench.unicrs.graph import KnowledgeGraph, read_graph
from interplay_bench.unicrs.linking import Linker


def test_a_target_among_the_inputs_cannot_be_made() -> None:
    context = Context("User: hi\n", Role.RECOMMENDER, (3,), frozenset({4}))
    assert Example(context, (5,)).targets == (5,)
    for leaked in (3, 4):
        with pytest.raises(ValueError, match="among the inputs"):
            Example(context, (5, leaked))


def test_inputs_do_not_change_with_the_turn_that_is_predicted(
    dialogues: tuple[Dialogue, ...], graph: KnowledgeGraph
) -> None:
    """The known leak: pre-training whose input holds the predicted turn's entities."""
    linker = Linker(graph)
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.turns):
            other = replace(turn, text="Bob Roe " + turn.text, mentions=(), recommended=())
            changed = replace(dialogue, turns=(*dialogue.turns[:place], other, *dialogue.turns[place + 1 :]))
            kinds = (pretraining, recommendation, lambda d, at: conversation(d, at, "all"))
            for make in kinds:
                shown = {e.context for e in make([dialogue], linker)}
                again = {e.context for e in make([changed], linker)}
                upto = Context.of(dialogue.turns[:place], turn.role, linker)
                if upto in shown and make is not recommendation:
                    assert upto in again
                assert not [c for c in again if len(c.lines) <= len(upto.lines) and "Bob Roe" in c.lines]


def test_no_target_was_named_before(dialogues: tuple[Dialogue, ...], graph: KnowledgeGraph) -> None:
    linker = Linker(graph)
    examples = [*pretraining(dialogues, linker), *recommendation(dialogues, linker)]
    assert len(examples) > 30
    for example in examples:
        assert not set(example.targets) & set(example.context.entities)
        assert not any(graph.names[target] in example.context.lines for target in example.targets)


def test_on_redial_no_target_was_named_before(data: Path) -> None:
    linker = Linker(read_graph(data / "redial"))
    found = load("redial", str(data / "redial"), "test").dialogues[:40]
    examples = [*pretraining(found, linker), *recommendation(found, linker)]
    assert len(examples) > 150
    assert not [e for e in examples if set(e.targets) & set(e.context.entities)]


def test_a_template_has_slots_for_items(dialogues: tuple[Dialogue, ...]) -> None:
    assert slotted(dialogues[0].turns[3]) == ("you could watch ", None, " then")
    assert slotted(dialogues[0].turns[0]) == ("hello i like Ann Lee",)
