"""Model cards: TOML files that name an adapter and its settings. Data only; nothing in a card is executed.

Ours are in ``models/cards/``; your own is given by path: ``--model ./my-model.toml``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from interplay_bench.environment.errors import CardError
from interplay_bench.environment.toml_and_json import from_toml
from interplay_bench.environment.validation import validated

_NAME = re.compile(r"\w[\w .:+-]*")
"""A name is also that of folders, so that it never holds a path."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model by name.

    ``adapter``: which class runs it. ``engine``: the language model behind it (``kind`` and that engine's own
    options). ``settings``: the adapter's options. ``train``: the recipe that makes its checkpoint, for a fine-tuned
    model. ``summary``: one line for ``interplay-bench list``.
    """

    name: str
    adapter: str
    summary: str
    engine: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)

    def override(self, engine: Mapping[str, Any]) -> ModelCard:
        """This card with engine options replaced, as ``--set engine.dtype=float32`` does."""
        return replace(self, engine={**self.engine, **engine})


def read(path: Path) -> ModelCard:
    """Read a user's own card; anything misspelt in it is a :class:`CardError` that names the key."""
    try:
        return _card(path.stem, path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise CardError(f"No model card at {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"The model card {path} cannot be read: {error}.") from None


def find(name: str) -> ModelCard | None:
    """The card called ``name`` in the package; ``None`` where there is none."""
    shipped = files("interplay_bench.models.cards").iterdir()
    file = next((file for file in shipped if file.name == f"{name}.toml"), None)
    return None if file is None else _card(name, file.read_text(encoding="utf-8"), file.name)


def shipped_cards() -> dict[str, dict[str, Any]]:
    """The cards in the package by name, as they are written: for a list, which needs no check of them."""
    shipped = files("interplay_bench.models.cards").iterdir()
    texts = {file.name.removesuffix(".toml"): file for file in shipped if file.name.endswith(".toml")}
    return {name: from_toml(texts[name].read_text("utf-8")) for name in sorted(texts)}


def _card(name: str, text: str, origin: str) -> ModelCard:
    try:
        data = from_toml(text)
        json.dumps(data)
    except RecursionError:  # a thousand dots in a key are read, and nested all the same
        raise CardError(f"The model card {origin} is nested too deeply.") from None
    except ValueError as error:
        raise CardError(f"The model card {origin} is no valid TOML: {error}.") from None
    except TypeError:
        raise CardError(f"The model card {origin} holds a date or a time: put it in quotes.") from None
    card = validated(ModelCard, {"name": name, **data}, f"In the model card {origin}", key="key", error=CardError)
    if not _NAME.fullmatch(card.name):
        raise CardError(
            f"In the model card {origin}: a name has only letters, digits and - . _ : +, not {card.name!r}."
        )
    return card
