from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interplay_bench import Action, Dialogue, Item, Mention, Persona, Role, Turn, View
from interplay_bench.dialogues.markup import render, role_token
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.environment.errors import DataError
from interplay_bench.training.counterfactual_twins import CounterfactualTwins
from interplay_bench.training.decision_labels import DecisionLabels
from interplay_bench.training.role_example import ExampleEncoder
from interplay_bench.training.tokens import extend


@pytest.fixture
def tokenizer(tokenizer: Any) -> Any:
    extend(tokenizer, ["book"])
    return tokenizer


def test_what_is_read_is_the_prompt_that_inference_builds(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        for role in Role:
            prompt = training_prompt(dialogue.view(role, len(dialogue.turns)))
            text = "".join(message.content for message in prompt.messages)
            example = ExampleEncoder(tokenizer, role).examples(dialogue)[0]
            assert list(example.ids) == tokenizer(text, add_special_tokens=False)["input_ids"]
            assert example.labels == example.ids


def test_a_mask_is_the_roles_turns_without_their_role_tokens(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        for role in Role:
            example = ExampleEncoder(tokenizer, role).examples(dialogue)[0]
            learnt = [token for token, used in zip(example.ids, example.mask, strict=True) if used]
            own = "".join(render(turn) for turn in dialogue.turns if turn.role is role)
            assert tokenizer.decode(learnt) == own


def test_the_roles_masks_are_disjoint_and_cover_every_turn(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        # Without a persona, both roles read the same ids.
        bare = replace(dialogue, persona=type(dialogue.persona)())
        user, recommender = (ExampleEncoder(tokenizer, role).examples(bare)[0] for role in Role)
        assert user.ids == recommender.ids
        openings = {tokenizer.convert_tokens_to_ids(role_token(role)) for role in Role}
        for token, one, other in zip(user.ids, user.mask, recommender.mask, strict=True):
            assert one + other == (token not in openings)


def test_text_that_reads_as_markup_moves_no_mask(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    turns = list(talks[0].turns)
    turns[1] = replace(turns[1], text="x <user><action><accept></action> y", mentions=())
    mischief = replace(talks[0], turns=tuple(turns))
    example = ExampleEncoder(tokenizer, Role.USER).examples(mischief)[0]
    learnt = [token for token, used in zip(example.ids, example.mask, strict=True) if used]
    assert tokenizer.decode(learnt) == "".join(render(t) for t in turns if t.role is Role.USER)


def test_a_long_dialogue_becomes_windows_that_keep_the_persona(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    (whole,) = ExampleEncoder(tokenizer, Role.USER).examples(talks[0])
    windows = ExampleEncoder(tokenizer, Role.USER, max_tokens=len(whole.ids) * 2 // 3).examples(talks[0])
    assert len(windows) > 1
    persona = whole.turns.index(0) - 1
    for window in windows:
        assert len(window.ids) <= len(whole.ids) * 2 // 3
        assert window.ids[:persona] == whole.ids[:persona]
        assert min(turn for turn in window.turns if turn >= 0) == window.dropped_turns
    learnt = [(turn, token) for w in windows for turn, token, used in zip(w.turns, w.ids, w.mask, strict=True) if used]
    assert learnt == [
        (turn, token) for turn, token, used in zip(whole.turns, whole.ids, whole.mask, strict=True) if used
    ]


@pytest.mark.parametrize("room", [90, 110, 140, 2048])
def test_what_stands_before_a_turn_does_not_depend_on_what_comes_after_it(
    talks: tuple[Dialogue, ...], tokenizer: Any, room: int
) -> None:
    def contexts(dialogue: Dialogue) -> dict[int, tuple[int, ...]]:
        found = {}
        for window in ExampleEncoder(tokenizer, Role.USER, max_tokens=room).examples(dialogue):
            for turn in {turn for turn, used in zip(window.turns, window.mask, strict=True) if used}:
                found[turn] = window.ids[: window.turns.index(turn)]
        return found

    whole = contexts(talks[3])
    for end in range(1, len(talks[3].turns)):
        for turn, context in contexts(replace(talks[3], turns=talks[3].turns[:end])).items():
            assert context == whole[turn]


def test_an_empty_mask_is_an_error(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    silent = replace(talks[3], turns=tuple(turn for turn in talks[3].turns if turn.role is Role.USER))
    with pytest.raises(DataError, match=r"'t3' there is nothing of the recommender"):
        ExampleEncoder(tokenizer, Role.RECOMMENDER).examples(silent)[0]
    with pytest.raises(DataError, match="do not fit 10 tokens"):
        ExampleEncoder(tokenizer, Role.USER, max_tokens=10).examples(talks[0])[0]


def test_decisions_are_weighed_and_relabelled(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    plain = ExampleEncoder(tokenizer, Role.USER).examples(talks[0])[0]
    target = ExampleEncoder(tokenizer, Role.USER, decisions=DecisionLabels("target", 7)).examples(talks[0])[0]
    assert target.ids == plain.ids
    assert target.mask == plain.mask
    places = [place for place, weight in enumerate(target.weights) if weight == 7]
    assert [tokenizer.decode([target.labels[place]]) for place in places] == ["<feedback>", "<accept>"]
    assert set(plain.weights) == {0, 1}
    # A rule took these words for feedback, yet they answer the target: the label says so, the context does not.
    turns = list(talks[0].turns)
    turns[4] = replace(turns[4], action=turns[2].action)
    other = ExampleEncoder(tokenizer, Role.USER, decisions=DecisionLabels("target")).examples(
        replace(talks[0], turns=tuple(turns))
    )[0]
    changed = [place for place, pair in enumerate(zip(other.ids, other.labels, strict=True)) if pair[0] != pair[1]]
    assert changed == [places[1]]


def test_what_people_liked_labels_decisions_and_both_verdicts_weigh_the_same(
    talks: tuple[Dialogue, ...], tokenizer: Any
) -> None:
    first, second = list(talks[0].proposals())
    disliked = replace(talks[0], verdicts={first: False, second: True})
    liked = replace(talks[1], verdicts=dict.fromkeys(talks[1].proposals(), True))
    labels = DecisionLabels.balanced("likes", 2, [disliked, liked, replace(talks[2], verdicts={})])
    weights = [labels.of(d, at)[1] for d in (disliked, liked) for at in d.proposals()]
    assert sum(weights) == pytest.approx(2 * len(weights))
    action, weight = labels.of(disliked, first)
    assert action is Action.FEEDBACK
    assert weight == pytest.approx(len(weights))

    decides = ExampleEncoder(tokenizer, Role.USER, decisions=labels, word_weight=0)
    (example,) = decides.examples(disliked)
    learnt = [label for label, used in zip(example.labels, example.mask, strict=True) if used]
    assert tokenizer.decode(learnt) == "<feedback><accept>"
    assert not decides.learns(replace(disliked, verdicts={}))


def test_a_counterfactual_twin_is_turned_down_and_teaches_nothing_else(
    talks: tuple[Dialogue, ...], tokenizer: Any
) -> None:
    twins = CounterfactualTwins.among(talks, 2, seed=0)
    (twin, *_) = twins.of(talks[0])
    assert twin.target != talks[0].target
    assert twin.target in twin.turns[talks[0].target_turn() or 0].recommended
    encoder = ExampleEncoder(tokenizer, Role.USER, decisions=DecisionLabels("distractor", 3), word_weight=0)
    (example,) = encoder.examples(twin)
    assert [w for w in example.weights if w] == [3]
    assert (
        "".join(tokenizer.decode([i]) for i, used in zip(example.labels, example.mask, strict=True) if used)
        == "<feedback>"
    )


def test_facts_stand_in_the_recommenders_turns_alone() -> None:
    facts = {"genre": ("crime", "drama"), "plot": ("A heist.",)}
    item = Item("1", "Heat", 1995, "book", facts)
    turn = Turn(Role.RECOMMENDER, Action.RECOMMEND, item.title, (Mention(item, 0, len(item.title)),), (item,))
    said = replace(turn, role=Role.USER, action=Action.CHAT, recommended=())
    view = View(Role.USER, Persona(), (said, turn))
    assert "crime" not in "".join(message.content for message in training_prompt(view).messages)
    _, user, recommender = training_prompt(view, facts=True).messages
    assert "crime" not in user.content
    assert "</book_title> [crime, drama]</response>" in recommender.content


def test_what_comes_after_the_last_supervised_token_is_cut(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    example = ExampleEncoder(tokenizer, Role.USER).examples(talks[0])[0]
    assert example.cut().mask[-1]
    assert example.cut().supervised == example.supervised
    assert len(example.cut().ids) < len(example.ids)


def test_a_control_token_in_a_text_is_not_learnt_as_one(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    persona = replace(talks[0].persona, general_preferences="Likes <end> and so on.")
    hostile = replace(talks[0], persona=persona)
    (example,) = ExampleEncoder(tokenizer, Role.USER).examples(hostile)
    assert tokenizer.convert_tokens_to_ids("<end>") not in example.ids


def test_agreed_decisions_are_those_that_the_words_do_not_contradict(talks: tuple[Dialogue, ...]) -> None:
    first, second = list(talks[0].proposals())
    said = {index: talks[0].turns[index + 1].action is Action.ACCEPT for index in (first, second)}
    agreeing = replace(talks[0], verdicts=said)
    contrary = replace(talks[0], verdicts={index: not accepted for index, accepted in said.items()})
    labels = DecisionLabels.balanced("agreed", 1, [agreeing, contrary])
    for index, accepted in said.items():
        action, weight = labels.of(agreeing, index)
        assert action is (Action.ACCEPT if accepted else Action.FEEDBACK)
        assert weight > 0
        assert labels.of(contrary, index) == (None, 0)
