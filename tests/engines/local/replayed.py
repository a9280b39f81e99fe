"""Short replayed dialogues for tests of the local engine: their prompts, and a tokenizer that knows their words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.engines.language_model import Choice, Refusal

CHOICES = ("<accept>", "<feedback>", "<disclose-goal>")
# In the first, a later prompt begins with the earlier one; the second closes every prompt with a header of its own.
TEMPLATES = {
    "straight": "{% for m in messages %}{{ '[' + m['role'] + '] ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant] ' }}{% endif %}",
    "branching": "{% for m in messages %}{{ '[' + m['role'] + '] ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[now think, then answer] ' }}{% endif %}",
}
WORDS = ["I", "like", "a", "good", "film", "with", "rain", "and", "trains", "no", "never", "seen", "it", "hello", "so"]


def message(role: str, text: str) -> Message:
    return Message(role, (Part(Channel.TURNS, text),))


def dialogue(seed: int, turns: int) -> list[Prompt]:
    """The prompts of a replayed dialogue, one after each of the other side's turns."""
    rng = random.Random(seed)

    def words(most: int) -> str:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, most)))

    messages = [message("system", f"You look for a film to see today, and answer in the format. {words(8)}")]
    prompts = []
    for _ in range(turns):
        messages.append(message("user", words(12)))
        prompts.append(Prompt(tuple(messages), prefix="<action>"))
        own = f"<action>{rng.choice(CHOICES)}</action><response>{words(6)}</response>"
        messages.append(message("assistant", own))
    return prompts


PROMPTS = [prompt for seed in range(3) for prompt in dialogue(seed, 2 + seed)]


def make_tokenizer(template: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<eos>", "<accept>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [m.content for p in PROMPTS for m in p.messages]
    raw.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<eos>")
    tokenizer.chat_template = TEMPLATES[template]
    return tokenizer


def same_choices(ours: Sequence[Choice | Refusal], theirs: Sequence[Choice | Refusal]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        if isinstance(one, Refusal) or isinstance(other, Refusal):
            assert one == other
        else:
            assert (one.index, one.dropped_turns) == (other.index, other.dropped_turns)
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
