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
            example = Encoder(tokenizer, role)(dialogue)
            assert list(example.ids) == tokenizer(text, add_special_tokens=False)["input_ids"]
            assert example.labels == example.ids


def test_a_mask_is_the_roles_turns_without_their_role_tokens(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        for role in Role:
            example = Encoder(tokenizer, role)(dialogue)
            learnt = [token for token, used in zip(example.ids, example.mask, strict=True) if used]
            own = "".join(render(turn) for turn in dialogue.turns if turn.role is role)
            assert tokenizer.decode(learnt) == own


def test_the_roles_masks_are_disjoint_and_cover_every_turn(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    for dialogue in talks:
        # Without a persona, both roles read the same ids.
        bare = replace(dialogue, persona=type(dialogue.persona)())
        user, recommender = (Encoder(tokenizer, role)(bare) for role in Role)
        assert user.ids == recommender.ids
        openings = {tokenizer.convert_tokens_to_ids(role_token(role)) for role in Role}
        for token, one, other in zip(user.ids, user.mask, recommender.mask, strict=True):
            assert one + other == (token not in openings)


def test_text_that_reads_as_markup_moves_no_mask(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    turns = list(talks[0].turns)
    turns[1] = replace(turns[1], text="x <user><action><accept></action> y", mentions=())
    mischief = replace(talks[0], turns=tuple(turns))
    example = Encoder(tokenizer, Role.USER)(mischief)
    learnt = [token for token, used in zip(example.ids, example.mask, strict=True) if used]
    assert tokenizer.decode(learnt) == "".join(render(t) for t in turns if t.role is Role.USER)


def test_truncation_drops_the_oldest_turns_and_never_the_persona(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    whole = Encoder(tokenizer, Role.USER)(talks[0])
    short = Encoder(tokenizer, Role.USER, max_tokens=len(whole.ids) - 1)(talks[0])
    assert short.dropped_turns == 1
    assert len(short.ids) < len(whole.ids)
    persona = sum(1 for turn in whole.turns[: whole.turns.index(0)] if turn < 0) - 1
    assert short.ids[:persona] == whole.ids[:persona]
    assert min(turn for turn in short.turns if turn >= 0) == 1


def test_an_empty_mask_is_an_error(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    silent = replace(talks[3], turns=tuple(turn for turn in talks[3].turns if turn.role is Role.USER))
    with pytest.raises(DataError, match=r"'t3' no token of the recommender"):
        Encoder(tokenizer, Role.RECOMMENDER)(silent)
    with pytest.raises(DataError, match="do not fit 10 tokens"):
        Encoder(tokenizer, Role.USER, max_tokens=10)(talks[0])


def test_decisions_are_weighed_and_relabelled(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    plain = Encoder(tokenizer, Role.USER)(talks[0])
    target = Encoder(tokenizer, Role.USER, decision_weight=7, decisions="target")(talks[0])
    assert target.ids == plain.ids
    assert target.mask == plain.mask
    places = [place for place, weight in enumerate(target.weights) if weight == 7]
    assert [tokenizer.decode([target.labels[place]]) for place in places] == ["<feedback>", "<accept>"]
    assert set(plain.weights) == {0, 1}
    # A rule took these words for feedback, yet they answer the target: the label says so, the context does not.
    turns = list(talks[0].turns)
    turns[4] = replace(turns[4], action=turns[2].action)
    other = Encoder(tokenizer, Role.USER, decisions="target")(replace(talks[0], turns=tuple(turns)))
    changed = [place for place, pair in enumerate(zip(other.ids, other.labels, strict=True)) if pair[0] != pair[1]]
    assert changed == [places[1]]


def test_what_comes_after_the_last_supervised_token_is_cut(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    example = Encoder(tokenizer, Role.USER)(talks[0])
    assert example.cut().mask[-1]
    assert example.cut().supervised == example.supervised
    assert len(example.cut().ids) < len(example.ids)
