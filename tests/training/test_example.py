from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interplay_bench import Dialogue, Role
from interplay_bench.errors import DataError
from interplay_bench.markup import render, role_token
from interplay_bench.prompting import training_prompt
from interplay_bench.training.example import Encoder
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
            example = Encoder(tokenizer, role).examples(dialogue)[0]
            assert list(example.ids) == tokenizer(text, add_special_tokens=False)["input_ids"]
            assert example.labels == example.ids


def test_a_mask_is_the_roles_turns_without_their_role_tokens(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        for role in Role:
            example = Encoder(tokenizer, role).examples(dialogue)[0]
            learnt = [token for token, used in zip(example.ids, example.mask, strict=True) if used]
            own = "".join(render(turn) for turn in dialogue.turns if turn.role is role)
            assert tokenizer.decode(learnt) == own


def test_the_roles_masks_are_disjoint_and_cover_every_turn(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        # Without a persona, both roles read the same ids.
        bare = replace(dialogue, persona=type(dialogue.persona)())
        user, recommender = (Encoder(tokenizer, role).examples(bare)[0] for role in Role)
        assert user.ids == recommender.ids
        openings = {tokenizer.convert_tokens_to_ids(role_token(role)) for role in Role}
        for token, one, other in zip(user.ids, user.mask, recommender.mask, strict=True):
            assert one + other == (token not in openings)


def test_text_that_reads_as_markup_moves_no_mask(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    turns = list(talks[0].turns)
    turns[1] = replace(turns[1], text="x <user><action><accept></action> y", mentions=())
    mischief = replace(talks[0], turns=tuple(turns))
    example = Encoder(tokenizer, Role.USER).examples(mischief)[0]
    learnt = [token for token, used in zip(example.ids, example.mask, strict=True) if used]
    assert tokenizer.decode(learnt) == "".join(render(t) for t in turns if t.role is Role.USER)


def test_a_long_dialogue_becomes_windows_that_keep_the_persona(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    (whole,) = Encoder(tokenizer, Role.USER).examples(talks[0])
    windows = Encoder(tokenizer, Role.USER, max_tokens=len(whole.ids) * 2 // 3).examples(talks[0])
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
        for window in Encoder(tokenizer, Role.USER, max_tokens=room).examples(dialogue):
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
        Encoder(tokenizer, Role.RECOMMENDER).examples(silent)[0]
    with pytest.raises(DataError, match="do not fit 10 tokens"):
        Encoder(tokenizer, Role.USER, max_tokens=10).examples(talks[0])[0]


def test_decisions_are_weighed_and_relabelled(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    plain = Encoder(tokenizer, Role.USER).examples(talks[0])[0]
    target = Encoder(tokenizer, Role.USER, decision_weight=7, decisions="target").examples(talks[0])[0]
    assert target.ids == plain.ids
    assert target.mask == plain.mask
    places = [place for place, weight in enumerate(target.weights) if weight == 7]
    assert [tokenizer.decode([target.labels[place]]) for place in places] == ["<feedback>", "<accept>"]
    assert set(plain.weights) == {0, 1}
    # A rule took these words for feedback, yet they answer the target: the label says so, the context does not.
    turns = list(talks[0].turns)
    turns[4] = replace(turns[4], action=turns[2].action)
    other = Encoder(tokenizer, Role.USER, decisions="target").examples(replace(talks[0], turns=tuple(turns)))[0]
    changed = [place for place, pair in enumerate(zip(other.ids, other.labels, strict=True)) if pair[0] != pair[1]]
    assert changed == [places[1]]


def test_what_comes_after_the_last_supervised_token_is_cut(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    example = Encoder(tokenizer, Role.USER).examples(talks[0])[0]
    assert example.cut().mask[-1]
    assert example.cut().supervised == example.supervised
    assert len(example.cut().ids) < len(example.ids)
