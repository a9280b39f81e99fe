"""Data sets: dialogues, a fingerprint of them, and an account of every row read.

A loader is a function from a :class:`Source` to a :class:`DialogueSet`, registered by name with
:func:`interplay_bench.datasets.dataset_entry.dataset`. Ours are in ``interplay_bench/datasets/``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from interplay_bench.dialogues.dialogue import Dialogue, Item
from interplay_bench.dialogues.dialogue_json import dialogue_record
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import DataError
from interplay_bench.environment.paths import typed_path


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read from: ``data`` is a file, a folder or a hub id, ``None`` for the loader's own place.

    ``options``: what the data set was told besides, of those that its loader takes (``catalog``, ``domain``).
    """

    data: str | None = None
    split: str = "test"
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def path(self) -> Path | None:
        """``data`` as a path, where it was given."""
        return None if self.data is None else typed_path(self.data)


@dataclass(slots=True)
class Preprocessing:
    """The report of a loader: every row read is kept or dropped for a reason, and so is every turn.

    ``rows`` = kept dialogues + the sum of ``dropped``. ``turns_dropped`` and ``repairs`` count, by reason, what
    was left out of or corrected in dialogues that were kept; ``by_dialogue``, which of ``repairs`` befell which
    dialogue, where the loader says so.
    """

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    turns_dropped: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    by_dialogue: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """How many rows became dialogues."""
        return self.rows - sum(self.dropped.values())

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        counters = {"dropped": self.dropped, "turns_dropped": self.turns_dropped, "repairs": self.repairs}
        return {"rows": self.rows, "kept": self.kept, **{k: dict(sorted(v.items())) for k, v in counters.items()}}


@dataclass(frozen=True, repr=False)
class DialogueSet:
    """A data set, read: its dialogues, the items it knows, and the preprocessing report.

    ``items`` are those of its dialogues; ``others``, what its own catalogue holds besides, where it comes with one.
    ``synthetic`` data was composed, not collected; every table says so. ``source``: what it was read from, where a
    registered loader read it.
    """

    name: str
    split: str
    dialogues: tuple[Dialogue, ...]
    items: tuple[Item, ...]
    preprocessing: Preprocessing
    synthetic: bool = False
    others: tuple[Item, ...] = ()
    source: Source | None = None

    def __len__(self) -> int:
        return len(self.dialogues)

    def __iter__(self) -> Iterator[Dialogue]:
        return iter(self.dialogues)

    @overload
    def __getitem__(self, place: int | str) -> Dialogue: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Dialogue, ...]: ...

    def __getitem__(self, place: int | str | slice) -> Dialogue | tuple[Dialogue, ...]:
        """The dialogue at a place, or of that id; several by a slice."""
        if isinstance(place, str):
            found = next((dialogue for dialogue in self.dialogues if dialogue.id == place), None)
            if found is None:
                raise KeyError(f"{self.name}/{self.split} has no dialogue {place!r}")
            return found
        return self.dialogues[place]

    def __repr__(self) -> str:
        made = ", synthetic" if self.synthetic else ""
        return f"<DialogueSet {self.name}/{self.split}: {len(self)} dialogues, {len(self.items)} items{made}>"

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
                    f"The dialogue {dialogue.id!r} of {self.name} holds half a character ({half!r}): correct it."
                ) from None
        return f"sha256:{digest.hexdigest()}"
