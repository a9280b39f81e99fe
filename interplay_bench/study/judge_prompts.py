"""What a language model reads that judges; the wording is data, in TOML, and anybody's to replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.toml_and_json import from_toml
from interplay_bench.environment.validation import validated
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.plan import Line


@dataclass(frozen=True, slots=True)
class Wording:
    """One kind of prompt: the system's message, the user's with ``{places}`` to fill, and how the answer begins."""

    instructions: str
    text: str
    prefix: str = ""

    def prompt(self, **filled: str) -> Prompt:
        """The prompt, its places filled in."""
        messages = (
            Message("system", (Part(Channel.INSTRUCTIONS, self.instructions.strip()),)),
            Message("user", (Part(Channel.TURNS, self.text.strip().format(**filled)),)),
        )
        return Prompt(messages, prefix=self.prefix)


@dataclass(frozen=True, slots=True)
class JudgePrompts:
    """The wordings for a pair, for a dialogue alone, and for a dialogue's last turn."""

    pair: Wording
    dialogue: Wording
    turn: Wording

    def compare(self, criterion: Criterion, first: Sequence[Line], second: Sequence[Line]) -> Prompt:
        """Ask which of two dialogues is better: 1 or 2."""
        return self.pair.prompt(first=_text(first), second=_text(second), question=criterion.question)

    def rate(self, criterion: Criterion, lines: Sequence[Line], line: int | None) -> Prompt:
        """Ask for a level of the criterion's scale, of the dialogue or of its turn at ``line``."""
        wording, end = (self.dialogue, None) if line is None else (self.turn, line + 1)
        scale = "\n".join(f"{level}: {name}" for level, name in enumerate(criterion.scale))
        return wording.prompt(dialogue=_text(lines[:end]), question=criterion.question, scale=scale)


def read_prompts(path: Path | None = None) -> JudgePrompts:
    """The prompts of a TOML file with the tables ``pair``, ``dialogue`` and ``turn``; without ``path``, ours."""
    where = str(path or "judge.toml")
    try:
        tables = from_toml((path or files("interplay_bench.study") / "judge.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"The prompts {where} cannot be read: {error}.") from None
    prompts = validated(JudgePrompts, tables, where, key="table", error=UsageError)
    places = {"first": "", "second": "", "question": ""}, {"dialogue": "", "question": "", "scale": ""}
    for name, known in (("pair", places[0]), ("dialogue", places[1]), ("turn", places[1])):
        try:
            getattr(prompts, name).prompt(**known)
        except (LookupError, ValueError, AttributeError) as error:
            filled = ", ".join(f"{{{place}}}" for place in known)
            raise UsageError(f"{where}, {name}: the text takes {filled} and no other braces ({error!r}).") from None
    return prompts


def _text(lines: Sequence[Line]) -> str:
    return "\n".join(f"{line.role}: {' '.join(line.text.split())}" for line in lines)
