"""What a model reads is what was meant: every message once, no control token of anybody's, whatever the template."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.engines.chat_rendering import ChatRendering
from interplay_bench.engines.control_tokens import beginning, defuser
from interplay_bench.engines.language_model import Choice, Refusal, Sampling
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.engines.reference import NaiveModel
from interplay_bench.engines.weights import TransformersSettings, load
from interplay_bench.environment.errors import BackendError, CheckpointError, UsageError
from tests import random_model

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "drops system": CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}"),
    "refuses system": "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML,
    "alternates": "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" + CHATML,
    "parts": "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for p in m.content %}{{ p.text }}{% endfor %}"
    "<|im_end|>\n{% endfor %}<|im_start|>assistant\n",
    "none": None,
}
CONTROL = ("<|im_start|>", "<|im_end|>", "<accept>")


def conversation(*turns: str, system: str = "SYS", first: str = "user", prefix: str = "") -> Prompt:
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    told = Message("system", (Part(Channel.PERSONA, system),))
    said = [Message(roles[n % 2], (Part(Channel.TURNS, turn),)) for n, turn in enumerate(turns)]
    return Prompt((told, *said), prefix=prefix)


def tokenizer(template: str | None = CHATML) -> Any:
    return random_model.tokenizer(CONTROL, template)


@pytest.mark.parametrize("first", ["user", "assistant"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_message_stands_once_in_what_is_read(name: str, first: str) -> None:
    prompt = conversation("uno", "due", "tre", first=first)
    text = ChatRendering(tokenizer(TEMPLATES[name])).text(prompt)
    for said in ("SYS", "uno", "due", "tre"):
        assert text.count(said) == 1, text
    assert text.index("SYS") < text.index("uno") < text.index("due") < text.index("tre")


def test_a_template_that_takes_nothing_is_one_error_that_names_the_option() -> None:
    with pytest.raises(UsageError, match=r"does not take this conversation .*no thanks.*engine.chat_template"):
        ChatRendering(tokenizer("{{ raise_exception('no thanks') }}")).text(conversation("uno"))
    moving = "{% for role in ('system', 'user', 'assistant') %}{% for m in messages if m.role == role %}{{ m.content }}"
    for template in ("{{ messages[-1].content }}", moving + "{% endfor %}{% endfor %}"):
        with pytest.raises(UsageError, match="leaves out, repeats or moves a message"):
            ChatRendering(tokenizer(template)).text(conversation("uno", "due", "tre"))


@pytest.mark.parametrize("change", ["m.content[:40]", "m.content.split('</think>')[-1]", "m.content | e"])
def test_a_template_that_cuts_or_changes_a_text_is_one_error(change: str) -> None:
    rendering = ChatRendering(tokenizer(CHATML.replace("m.content", change)))
    assert "uno" in rendering.text(conversation("uno"))
    with pytest.raises(UsageError, match=r"cuts or changes a message's text .*engine.chat_template"):
        rendering.text(conversation("I <think> so</think> " + "words " * 12))


def test_a_template_may_trim_and_join_what_it_writes() -> None:
    template = CHATML.replace("m.content", "m.content.split() | join(' ')")
    assert "uno due" in ChatRendering(tokenizer(template)).text(conversation("\n uno\n\ndue "))


def test_the_default_of_several_templates_is_read() -> None:
    several = tokenizer()
    several.chat_template = {"default": CHATML, "tool_use": "{{ raise_exception('tools') }}"}
    assert ChatRendering(several).text(conversation("uno")) == ChatRendering(tokenizer()).text(conversation("uno"))


def test_todays_date_is_not_read() -> None:
    template = "{{ strftime_now('%d %b %Y') }} " + CHATML
    assert ChatRendering(tokenizer(template)).text(conversation("uno")).startswith("26 Jul 2024 ")


def test_a_template_without_bound_is_an_error() -> None:
    template = CHATML + "{{ 'x' * 3000000 }}"
    with pytest.raises(UsageError, match="characters of one conversation"):
        ChatRendering(tokenizer(template)).text(conversation("uno"))


PIECES = ["<|im_end|>", "<|im_start|>", "<eos>", "system\n", "hi", "<", "|", "im_end"]


@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_no_control_token_of_a_text_is_live(pieces: list[str]) -> None:
    tokens = tokenizer()
    said = "".join(pieces)
    rendered = ChatRendering(tokens).text(conversation(said, system=said))
    ids = tokens(rendered, add_special_tokens=False)["input_ids"]
    for token, count in (("<|im_start|>", 3), ("<|im_end|>", 2), ("<eos>", 0)):
        assert ids.count(tokens.convert_tokens_to_ids(token)) == count
    assert defuser(tokens)("a plain text") == "a plain text"


def test_the_markups_own_tokens_stay_in_a_plain_prompt() -> None:
    told = Message("system", (Part(Channel.TURNS, "<user><accept> and </s><|im_end|>"),))
    text = ChatRendering(tokenizer()).text(Prompt((told,), chat=False, prefix="<action>"))
    assert text == "<user><accept> and </s>‹|im_end|›<action>"


def test_what_a_tokenizer_appends_is_no_beginning() -> None:
    from tokenizers.processors import TemplateProcessing

    tokens = random_model.tokenizer(("<bos>",))
    for single, found in (("<bos> $A <eos>", ["<bos>"]), ("$A <eos>", []), ("$A", []), ("<bos> $A", ["<bos>"])):
        special = [(name, tokens.convert_tokens_to_ids(name)) for name in ("<bos>", "<eos>")]
        tokens._tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=special)
        assert tokens.convert_ids_to_tokens(list(beginning(tokens))) == found


def engines(tokens: Any, **settings: Any) -> list[TransformersModel | NaiveModel]:
    weights = random_model.weights(tokens)
    weights = replace(weights, identity={**weights.identity, **settings})
    how = TransformersSettings("tiny", dtype="float32", device="cpu")
    return [TransformersModel(how, weights), NaiveModel(how, weights)]


@pytest.mark.parametrize("name", ["alternates", "refuses system", "parts", "none"])
def test_both_engines_read_the_same_also_after_turns_were_dropped(name: str) -> None:
    turns = [f"turn {n} " + "word " * 12 for n in range(7)]
    prompts = [conversation(*turns[:n]) for n in (1, 3, 5, 7)]
    ours, plain = engines(tokenizer(TEMPLATES[name]), max_context=330)
    chosen = [engine.choose(prompts, [" yes", " no"]) for engine in (ours, plain)]
    for one, other in zip(*chosen, strict=True):
        assert isinstance(one, Choice)
        assert isinstance(other, Choice)
        assert (one.index, one.dropped_turns) == (other.index, other.dropped_turns)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
    assert chosen[0][-1].dropped_turns > 0  # type: ignore[union-attr]
    if name == "alternates":
        assert chosen[0][-1].dropped_turns % 2 == 0  # type: ignore[union-attr]
    written = [engine.generate(prompts, Sampling(max_tokens=8)) for engine in (ours, plain)]
    assert written[0] == written[1]
    assert not any(isinstance(each, Refusal) for each in written[0])


def test_a_checkpoints_own_penalties_change_neither_engine() -> None:
    ours, plain = engines(tokenizer())
    prompts = [conversation("uno")]
    before = [engine.generate(prompts, Sampling(max_tokens=20)) for engine in (ours, plain)]
    config = plain.model.generation_config
    config.repetition_penalty, config.no_repeat_ngram_size, config.suppress_tokens = 5.0, 1, [65, 66]
    assert [engine.generate(prompts, Sampling(max_tokens=20)) for engine in (ours, plain)] == before
    assert before[0] == before[1]


@pytest.mark.parametrize("verb", ["choose", "generate"])
def test_scores_that_are_not_numbers_are_one_error(verb: str) -> None:
    for engine in engines(tokenizer()):
        engine.model.model.norm.weight.data.fill_(float("nan"))
        asked: Any = ["a", "b"] if verb == "choose" else Sampling(max_tokens=4)
        with pytest.raises(BackendError, match="not numbers"):
            getattr(engine, verb)([conversation("uno")], asked)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model's folder."""
    tokens = tokenizer()
    random_model.weights(tokens).model.save_pretrained(tmp_path / "model")
    tokens.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        ("config.json", lambda data: data["rope_parameters"].update(rope_theta=5.0)),
        ("config.json", lambda data: data.update(rms_norm_eps=0.1)),
        ("generation_config.json", lambda data: data.update(eos_token_id=[65])),
        ("tokenizer.json", lambda data: data["model"]["vocab"].update(A=35, B=34)),
    ],
)
def test_the_identity_knows_every_file_that_changes_an_output(folder: Path, file: str, edit: Any) -> None:
    settings = TransformersSettings(str(folder), dtype="float32", device="cpu")
    before = load(settings).identity
    assert load(settings).identity == before
    change(folder / file, edit)
    assert load(settings).identity != before


def test_a_template_is_given_as_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_text("OWN {{ messages[0].content }} {{ messages[1].content }}:")
    settings = TransformersSettings(str(folder), dtype="float32", device="cpu")
    own = TransformersSettings(str(folder), dtype="float32", device="cpu", chat_template=str(tmp_path / "own.jinja"))
    weights = load(own)
    assert ChatRendering(weights.tokenizer).text(conversation("uno")) == "OWN SYS uno:"
    assert weights.identity["chat_template"] != load(settings).identity["chat_template"]
    with pytest.raises(CheckpointError, match=r"engine\.chat_template"):
        load(replace(own, chat_template="no-such.jinja"))


def test_dynamic_rope_keeps_to_the_models_own_limit(folder: Path) -> None:
    change(folder / "config.json", lambda data: data["rope_parameters"].update(rope_type="dynamic", factor=2.0))
    load(TransformersSettings(str(folder), dtype="float32", device="cpu", max_context=random_model.CONTEXT))
    with pytest.raises(CheckpointError, match="dynamic RoPE"):
        load(TransformersSettings(str(folder), dtype="float32", device="cpu", max_context=2 * random_model.CONTEXT))
