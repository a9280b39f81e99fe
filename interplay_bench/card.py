"""Model cards: TOML files that name an adapter and its settings. Data only; nothing in a card is executed.

Ours are in ``models/cards/``; your own is given by path: ``--model ./my-model.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from interplay_bench.errors import CardError, unknown_name


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


def _card(name: str, text: str, origin: str) -> ModelCard:
    from pydantic import TypeAdapter, ValidationError

    known = [key.name for key in fields(ModelCard)]
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"The model card {origin} is no valid TOML: {error}.") from None
    for key in data:
        if key not in known:
            raise CardError(f"In the model card {origin}: {unknown_name('key', key, known)}")
    try:
        return TypeAdapter(ModelCard).validate_python({"name": name, **data})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CardError(f"In the model card {origin}: {where}: {first['msg']}.") from None
