"""A model without a card: ``hf:FOLDER-OR-ID`` and ``endpoint:NAME@URL``, and the card that it would have.

A checkpoint that was trained in this project's markup is a fine-tuned simulator of the role that its ``training.json``
names; every other language model is prompted, zero-shot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from interplay_bench.dialogues.dialogue import Role
from interplay_bench.dialogues.markup import ACTION_OPEN
from interplay_bench.engines.pretrained.finding import Source, find_file, names_a_folder
from interplay_bench.environment.errors import CardError
from interplay_bench.environment.paths import typed_path
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.card import find as find_card
from interplay_bench.simulators.checkpoint import RECORD, training_record

HF, ENDPOINT = "hf:", "endpoint:"
TOKENIZERS = ("tokenizer_config.json", "added_tokens.json", "special_tokens_map.json", "tokenizer.json")
"""The files that list a tokenizer's special tokens, the small ones first."""


def is_bare(name: str) -> bool:
    """Whether a model's name says where it is, instead of which card describes it."""
    return name.startswith((HF, ENDPOINT))


def bare_card(name: str, role: Role | None = None) -> ModelCard:
    """The card of ``hf:FOLDER-OR-ID[@REVISION]`` or ``endpoint:NAME[@URL]``.

    ``role``: which side a model in the markup speaks, where its folder does not say.
    """
    kind, _, place = name.partition(":")
    if not place:
        raise CardError(f"{name!r} names no model: hf:FOLDER, hf:OWNER/NAME or endpoint:NAME@URL.")
    return _served(place) if f"{kind}:" == ENDPOINT else _of_weights(place, role)


def card_text(card: ModelCard) -> str:
    """The card as TOML, to keep and change; :func:`~interplay_bench.simulators.card.read` gives the same card back."""
    tables = (("engine", card.engine), ("settings", card.settings), ("train", card.train))
    lines = [f"{key} = {_toml(getattr(card, key))}" for key in ("summary", "adapter")]
    for title, table in tables:
        lines += ["", f"[{title}]", *(f"{key} = {_toml(value)}" for key, value in table.items())] if table else []
    return "\n".join(lines) + "\n"


def _served(place: str) -> ModelCard:
    model, _, url = place.partition("@")
    where = f" at {url}" if url else ""
    return ModelCard(
        name=f"{ENDPOINT}{model}", adapter="zero-shot", summary=f"{model}{where}, zero-shot",
        engine={"kind": "endpoint", "model": model, **({"base_url": url} if url else {})},
    )  # fmt: skip


def _of_weights(place: str, role: Role | None) -> ModelCard:
    folder, revision = typed_path(place), None
    if not folder.is_dir():
        if names_a_folder(place):
            raise CardError(f"There is no folder {place!r}; a model of the hub is hf:OWNER/NAME[@REVISION].")
        place, _, revision = place.partition("@")
    name = HF + "/".join(Path(place).parts[-2:])
    engine = {"kind": "transformers", "model": place, **({"revision": revision} if revision else {})}
    record = _training(place, revision)
    if record:
        return _trained(name, engine, record)
    if role is None and not _speaks_markup(place, revision):
        return ModelCard(name=name, adapter="zero-shot", summary=f"{place}, zero-shot", engine=engine)
    if role is None:
        raise CardError(
            f"{place} was trained in this project's markup, but has no {RECORD} that says for which role. Write its "
            f"card with interplay-bench card {HF}{place} --role user (or recommender), and give that to --model."
        )
    return _finetuned(name, engine, {"role": str(role)})


def _trained(name: str, engine: dict[str, Any], record: Mapping[str, Any]) -> ModelCard:
    """A checkpoint of ours: as the card that it was trained from has it, where that is one of the package's."""
    recipe = record["recipe"]
    shipped = find_card(str(record.get("card")))
    if shipped is not None and shipped.train.get("role") == recipe["role"]:
        read = {"facts": recipe["facts"]} if recipe.get("facts") else {}
        return replace(shipped, name=name, engine={**shipped.engine, **engine}, train={**shipped.train, **read})
    known = {key: recipe[key] for key in ("role", "base", "facts") if recipe.get(key)}
    package = {"package": recipe["package"]} if recipe.get("package") else {}
    return _finetuned(name, {**engine, **package}, known)


def _finetuned(name: str, engine: dict[str, Any], train: dict[str, Any]) -> ModelCard:
    summary = f"{engine['model']}, fine-tuned as {train['role']}"
    return ModelCard(name=name, adapter="finetuned", summary=summary, engine=engine, train=train)


def _training(place: str, revision: str | None) -> Mapping[str, Any]:
    """The record of the training of ours that made the model; empty where there is none."""
    path = _file(place, revision, RECORD)
    record = training_record(path) if path is not None else {}
    return record if record and record["recipe"].get("role") in list(Role) else {}


def _speaks_markup(place: str, revision: str | None) -> bool:
    """Whether the markup's tokens are in the tokenizer."""
    marker = json.dumps(ACTION_OPEN).encode()
    paths = (_file(place, revision, name) for name in TOKENIZERS)
    return any(path is not None and marker in path.read_bytes() for path in paths)


def _file(place: str, revision: str | None, name: str) -> Path | None:
    return find_file(Source(place, revision), name)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
