"""Data sets: dialogues, a fingerprint of them, and an account of every row read.

A loader is a function from a :class:`Source` to a :class:`DialogueSet`, registered by name with
:func:`interplay_bench.registry.dataset`. Ours are in ``interplay_bench/datasets/``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from interplay_bench.dialogue import Dialogue, Item, Turn
from interplay_bench.errors import DataError
from interplay_bench.paths import typed_path


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read from: ``data`` is a file, a folder or a hub id, ``None`` for the loader's own place."""

    data: str | None = None
    split: str = "test"

    @property
    def path(self) -> Path | None:
        """``data`` as a path, where it was given."""
        return None if self.data is None else typed_path(self.data)


@dataclass(slots=True)
class Preprocessing:
    """The report of a loader: every row read is kept or dropped for a reason, and so is every turn.

    ``rows`` = kept dialogues + the sum of ``dropped``. ``turns_dropped`` and ``repairs`` count, by reason, what
    was left out of or mended in dialogues that were kept.
    """

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    turns_dropped: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> int:
        """How many rows became dialogues."""
        return self.rows - sum(self.dropped.values())

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        counters = {"dropped": self.dropped, "turns_dropped": self.turns_dropped, "repairs": self.repairs}
        return {"rows": self.rows, "kept": self.kept, **{k: dict(sorted(v.items())) for k, v in counters.items()}}


@dataclass(frozen=True)
class DialogueSet:
    """A data set, read: its dialogues, the items it knows, and the preprocessing report.

    ``items`` are those of its dialogues; ``others``, what its own catalogue holds besides, where it comes with one.
    ``synthetic`` data was composed, not collected; every table says so.
    """

    name: str
    split: str
    dialogues: tuple[Dialogue, ...]
    items: tuple[Item, ...]
    preprocessing: Preprocessing
    synthetic: bool = False
    others: tuple[Item, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical records of all dialogues, in order: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        for dialogue in self.dialogues:
            try:
                digest.update(canonical(dialogue_record(dialogue)).encode() + b"\n")
            except UnicodeEncodeError as error:
                half = error.object[error.start : error.end]
                raise DataError(
                    f"The dialogue {dialogue.id!r} of {self.name} holds half a character ({half!r}): mend it."
                ) from None
        return f"sha256:{digest.hexdigest()}"


def canonical(record: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: one text per value."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def dialogue_record(dialogue: Dialogue) -> dict[str, Any]:
    """A dialogue as plain JSON values: the schema that fingerprints are taken over and simulations are written in."""
    persona = dialogue.persona
    return {
        "id": dialogue.id,
        "user_id": dialogue.user_id,
        "persona": {
            "general_preferences": persona.general_preferences,
            "history": [{"item": item_record(seen.item), "review": seen.review} for seen in persona.history],
            "target_attributes": persona.target_attributes,
        },
        "target": None if dialogue.target is None else item_record(dialogue.target),
        "turns": [turn_record(turn) for turn in dialogue.turns],
        "liked": dict(dialogue.liked),
        "outcome": dialogue.outcome,
    }


def turn_record(turn: Turn) -> dict[str, Any]:
    """A turn as plain JSON values."""
    return {
        "role": str(turn.role),
        "action": str(turn.action),
        "text": turn.text,
        "mentions": [{"item": item_record(m.item), "start": m.start, "end": m.end} for m in turn.mentions],
        "recommended": [item_record(item) for item in turn.recommended],
        "scripted": turn.scripted,
    }


def item_record(item: Item) -> dict[str, Any]:
    """An item's identity as plain JSON values, without its attributes."""
    return {"id": item.id, "title": item.title, "year": item.year, "domain": item.domain}
