"""The examples of a training: the dialogues of its data sets, encoded, some of them held out for validation."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.environment.errors import DataError, UsageError, unknown_name
from interplay_bench.training.counterfactual_twins import CounterfactualTwins
from interplay_bench.training.decision_labels import DecisionLabels
from interplay_bench.training.role_example import ExampleEncoder, RoleExample
from interplay_bench.training.training_recipe import TrainingRecipe


class Reads(Protocol):
    """The part of a recipe that says which dialogues are read."""

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
class Examples:
    """Training and validation examples, and counts of what was left out or shortened."""

    train: tuple[RoleExample, ...]
    validation: tuple[RoleExample, ...]
    account: Mapping[str, int]


def read_corpus(recipe: Reads, data: Mapping[str, str]) -> Corpus:
    """Read the ``train`` split of every data set; ``data`` says by set's name where it lies."""
    for name in data:
        if name not in recipe.dataset:
            raise unknown_name("data set of this recipe", name, recipe.dataset)
    dialogues: list[tuple[str, Dialogue]] = []
    fingerprints = {}
    for place, name in enumerate(recipe.dataset):
        found = load_dataset(name, data.get(name), "train")
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
        elif equals and name in DATASETS.all():
            more = ",".join((*recipe.dataset, name))
            raise UsageError(
                f"The recipe reads {' and '.join(recipe.dataset)}, not {name}: --set dataset={more} adds it."
            )
        elif len(recipe.dataset) == 1:
            found[recipe.dataset[0]] = text
        else:
            raise UsageError(f"--data takes NAME=PATH with a name among {', '.join(recipe.dataset)}, not {text!r}.")
    return found


def prepare(corpus: Corpus, recipe: TrainingRecipe, tokenizer: Any, seed: int) -> Examples:
    """Encode all dialogues and hold some out. A dialogue with nothing to learn from is skipped and counted."""
    dialogues = [dialogue for _, dialogue in corpus.dialogues]
    encoder = ExampleEncoder(
        tokenizer,
        recipe.role,
        recipe.max_tokens,
        DecisionLabels.balanced(recipe.decisions, recipe.decision_weight, dialogues),
        recipe.word_weight,
        recipe.facts == "catalogue",
    )
    turned_down = replace(encoder, decisions=DecisionLabels("distractor", recipe.decision_weight), word_weight=0)
    twins = CounterfactualTwins.among(dialogues, recipe.counterfactuals, seed)
    account: Counter[str] = Counter(dialogues=len(dialogues))
    train: list[RoleExample] = []
    held: list[RoleExample] = []
    for name, dialogue in corpus.dialogues:
        if not encoder.learns(dialogue):
            account["without a turn of the role" if recipe.word_weight else "without a decision to learn"] += 1
            continue
        examples = encoder.examples(dialogue)
        for twin in twins.of(dialogue):
            if turned_down.learns(twin):
                account["counterfactual twins"] += 1
                examples += turned_down.examples(twin)
        account["tokens"] += sum(len(example.cut().ids) for example in examples)
        account["supervised tokens"] += sum(example.supervised for example in examples)
        account["too long, in several examples"] += any(example.dropped_turns for example in examples)
        account["turns dropped"] += sum(example.dropped_turns for example in examples)
        (held if is_held_out(name, dialogue.id, recipe.validation, seed) else train).extend(examples)
    if not train:
        raise DataError(f"No dialogue is left to train on: {dict(account)}.")
    account |= {"examples": len(train), "held out": len(held)}
    return Examples(tuple(train), tuple(held), dict(account))


def is_held_out(dataset: str, dialogue: str, share: float, seed: int) -> bool:
    """Whether a dialogue is in the held-out ``share``: decided by its id alone, whatever else is in the data set."""
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
