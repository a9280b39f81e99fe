"""A trained Match Score model as a folder: vectors in safetensors, the catalogue they belong to, and the report."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogue import Item
from interplay_bench.errors import CheckpointError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VECTORS, CATALOG, REPORT = "item_vectors.safetensors", "catalog.jsonl", "config.json"


@dataclass(frozen=True)
class Artefact:
    """``vectors``: (items, dim) of unit length, a row per item of ``catalog``. ``identity``: a digest of both."""

    vectors: NDArray[np.float32]
    catalog: tuple[Item, ...]
    identity: str


def save(
    folder: Path, vectors: NDArray[np.float32], projection: NDArray[np.float32], catalog: tuple[Item, ...], report: Any
) -> None:
    """Write the folder; vectors and projection in half precision."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {"vectors": _unit(vectors).astype("float16"), "projection": projection.astype("float16")}
    save_file(halves, folder / VECTORS)
    lines = (json.dumps({"id": i.id, "title": i.title, "year": i.year}, ensure_ascii=False) for i in catalog)
    (folder / CATALOG).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / REPORT).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(folder: Path) -> Artefact:
    """Read the folder; raises :class:`CheckpointError` that says what is wrong with it."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        vectors = load_file(folder / VECTORS)["vectors"]
        text = (folder / CATALOG).read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.rstrip("\n").split("\n")]  # not splitlines(): it cuts at U+2028 too
        catalog = tuple(Item(row["id"], row["title"], row["year"]) for row in rows)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{folder} holds no Match Score model ({reason}): interplay-bench train match-score."
        ) from None
    if len(catalog) != len(vectors):
        raise CheckpointError(f"{folder}: {len(catalog)} items, but {len(vectors)} vectors. Train it again.")
    digest = hashlib.sha256(vectors.tobytes() + text.encode()).hexdigest()[:12]
    return Artefact(_unit(vectors.astype("float32")), catalog, digest)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float32] = vectors / np.maximum(lengths, np.float32(1e-12))
    return found
