"""What a training reads: the dialogues of its data sets as examples, and which of them are held out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from interplay_bench import registry
from interplay_bench.dialogue import Dialogue
from interplay_bench.errors import DataError, UsageError, unknown_name
from interplay_bench.runner import load
from interplay_bench.training.example import Encoder, Example
from interplay_bench.training.recipe import TrainingRecipe


class Reads(Protocol):
    """A recipe, as far as it says what is read."""

    @property
    def dataset(self) -> tuple[str, ...]:
        """Data sets by name."""

    def limit_of(self, place: int) -> int | None:
        """How many dialogues of the data set at ``place`` are read at most."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The dialogues of all data sets of a recipe, each with the name of its set, and the sets' fingerprints."""

    dialogues: tuple[tuple[str, Dialogue], ...]
    fingerprints: Mapping[str, str]
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """Examples to learn from and examples held out, with an account of what was left out or shortened."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    account: Mapping[str, int]


def read_corpus(recipe: Reads, data: Mapping[str, str]) -> Corpus:
    """Read the ``train`` split of every data set; ``data`` says by set's name where it lies."""
    for name in data:
        if name not in recipe.dataset:
            raise unknown_name("data set of this recipe", name, recipe.dataset)
    dialogues: list[tuple[str, Dialogue]] = []
    fingerprints = {}
    for place, name in enumerate(recipe.dataset):
        found = load(name, data.get(name), "train")
        fingerprints[name] = found.fingerprint
        dialogues += [(name, dialogue) for dialogue in found.dialogues[: recipe.limit_of(place)]]
    return Corpus(tuple(dialogues), fingerprints, _domains(dialogue for _, dialogue in dialogues))


def places(texts: Iterable[str], recipe: Reads) -> dict[str, str]:
    """The ``--data`` texts by data set: ``NAME=PATH``, or a bare path where the recipe has one set only."""
    found = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if equals and name in recipe.dataset:
            found[name] = path
        elif equals and name in registry.datasets():
            more = ",".join((*recipe.dataset, name))
            raise UsageError(
                f"The recipe reads {' and '.join(recipe.dataset)}, not {name}: --set dataset={more} adds it."
            )
        elif len(recipe.dataset) == 1:
            found[recipe.dataset[0]] = text
        else:
            raise UsageError(f"--data takes NAME=PATH with a name among {', '.join(recipe.dataset)}, not {text!r}.")
    return found


def prepare(corpus: Corpus, recipe: TrainingRecipe, tokenizer: Any, seed: int) -> Material:
    """Encode all dialogues and hold some out. A dialogue without a turn of the role is left out and counted."""
    encoder = Encoder(tokenizer, recipe.role, recipe.max_tokens, recipe.decision_weight, recipe.decisions)
    account: Counter[str] = Counter(dialogues=len(corpus.dialogues))
    train: list[Example] = []
    held: list[Example] = []
    for name, dialogue in corpus.dialogues:
        if not any(turn.role is recipe.role for turn in dialogue.turns):
            account["without a turn of the role"] += 1
            continue
        examples = encoder.examples(dialogue)
        account["tokens"] += sum(len(example.cut().ids) for example in examples)
        account["supervised tokens"] += sum(example.supervised for example in examples)
        account["too long, in several examples"] += len(examples) > 1
        account["turns dropped"] += sum(example.dropped_turns for example in examples)
        (held if is_held_out(name, dialogue.id, recipe.validation, seed) else train).extend(examples)
    if not train:
        raise DataError(f"No dialogue is left to learn from: {dict(account)}.")
    account |= {"examples": len(train), "held out": len(held)}
    return Material(tuple(train), tuple(held), dict(account))


def is_held_out(dataset: str, dialogue: str, share: float, seed: int) -> bool:
    """Whether a dialogue is among the ``share`` that is never learnt from: by its name, whatever else is in the set."""
    digest = hashlib.sha256(f"{seed}/{dataset}/{dialogue}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _domains(dialogues: Iterable[Dialogue]) -> tuple[str, ...]:
    """The domains of all items named, in order of appearance; movies where nothing is named."""
    named: dict[str, None] = {}
    for dialogue in dialogues:
        items = [seen.item for seen in dialogue.persona.history]
        items += [item for turn in dialogue.turns for item in turn.items]
        named.update(dict.fromkeys(item.domain for item in items))
    return tuple(named) or ("movie",)
