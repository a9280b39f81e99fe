from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interplay_bench import Dialogue, Role
from interplay_bench.audits import mask_audit
from interplay_bench.audits.mask_audit import STYLES, audit_masks, colour
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.markup import render
from interplay_bench.plugins.plugin_file import load_plugin
from interplay_bench.training.role_example import ExampleEncoder, RoleExample
from interplay_bench.training.tokens import extend

PLUGIN = Path(__file__).parents[1] / "training" / "talk_plugin.py"


@pytest.fixture
def talks() -> tuple[Dialogue, ...]:
    load_plugin(PLUGIN)
    return load_dataset("talks", "6", "train").dialogues


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=inner)
    extend(made, ["book"])
    return made


@pytest.mark.parametrize("role", list(Role))
def test_sound_masks_are_counted(talks: tuple[Dialogue, ...], tokenizer: Any, role: Role) -> None:
    report = audit_masks(talks, role, tokenizer)
    assert report.sound
    own = [turn for dialogue in talks for turn in dialogue.turns if turn.role is role]
    assert report.turns == len(own)
    lengths = [len(tokenizer(render(turn), add_special_tokens=False)["input_ids"]) for turn in own]
    assert report.supervised == sum(lengths)
    assert "0 tokens in the masks of both roles, 0 tokens of turns in neither" in report.render()


def test_an_empty_mask_is_found(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    silent = replace(talks[2], turns=talks[2].turns[:1])
    report = audit_masks([*talks[:2], silent], Role.RECOMMENDER, tokenizer)
    assert report.empty == ("t2",)
    assert not report.sound
    assert "EMPTY masks: 1, for example t2" in report.render()


def test_masks_that_overlap_or_leave_gaps_are_found(
    talks: tuple[Dialogue, ...], tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Greedy(ExampleEncoder):
        def examples(self, dialogue: Dialogue) -> list[RoleExample]:
            (found,) = super().examples(dialogue)
            return [replace(found, weights=tuple(float(turn in (0, 1)) for turn in found.turns))]

    monkeypatch.setattr(mask_audit, "ExampleEncoder", Greedy)
    report = audit_masks(talks, Role.USER, tokenizer)
    assert report.overlapping > 0
    assert report.uncovered > 0
    assert not report.sound


def test_what_is_learnt_is_coloured(talks: tuple[Dialogue, ...], tokenizer: Any) -> None:
    text = colour(ExampleEncoder(tokenizer, Role.USER).examples(talks[0])[0], Role.USER, tokenizer)
    shown = "".join(text.plain[s.start : s.end] for s in text.spans if s.style == STYLES[Role.USER])
    assert shown == "".join(render(turn) for turn in talks[0].turns if turn.role is Role.USER)
