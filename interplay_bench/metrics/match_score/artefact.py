"""A trained Match Score model as a folder: vectors in safetensors, the catalogue they belong to, and the report.

With the projection of texts stands how they were centred, so that items which nobody rated can be embedded too. Folders
that were written before 2026-12 do not say it: their items are all they know.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.environment.atomic_file import replacing, write_file
from interplay_bench.environment.errors import CheckpointError
from interplay_bench.environment.toml_and_json import from_json
from interplay_bench.metrics.match_score.text_embedding import TextEmbedding, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from interplay_bench.metrics.match_score.encoding import Centring

VECTORS, CATALOG, REPORT = "item_vectors.safetensors", "catalog.jsonl", "config.json"

FILMS = "movie"
"""The domain of a catalogue that does not say it."""


@dataclass(frozen=True)
class Artefact:
    """``vectors``: (items, dim) of unit length, a row per item of ``catalog``. ``identity``: a digest of all.

    ``texts``: embeds items by what is said of them; ``None`` where the folder does not know how.
    """

    vectors: NDArray[np.float32]
    catalog: tuple[Item, ...]
    identity: str
    texts: TextEmbedding | None = None


def save(
    folder: Path,
    vectors: NDArray[np.float32],
    projection: NDArray[np.float32],
    catalog: tuple[Item, ...],
    report: Any,
    centring: Centring | None = None,
) -> None:
    """Write the folder; vectors and projection in half precision. ``centring``: of the texts, where there are any."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"vectors": unit(vectors).astype("float16"), "projection": projection.astype("float16")}
    if centring is not None:
        tensors |= {"mean": centring.mean, "scale": np.array([centring.scale], dtype=np.float32)}
    (folder / REPORT).unlink(missing_ok=True)  # written last: it says that the rest is whole
    with replacing(folder / VECTORS) as draft:
        save_file(tensors, draft)
    lines = (json.dumps(_row(item), ensure_ascii=False) for item in catalog)
    write_file(folder / CATALOG, "\n".join(lines) + "\n")
    write_file(folder / REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def load(folder: Path) -> Artefact:
    """Read the folder; raises :class:`CheckpointError` that says what is wrong with it."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / VECTORS)
        vectors = tensors["vectors"]
        text = (folder / CATALOG).read_text(encoding="utf-8")
        rows = [from_json(line) for line in text.rstrip("\n").split("\n")]  # not splitlines(): it cuts at U+2028 too
        catalog = tuple(Item(row["id"], row["title"], row["year"], row.get("domain", FILMS)) for row in rows)
        report = from_json((folder / REPORT).read_bytes()) if "mean" in tensors else {}
        texts = TextEmbedding.of(tensors, report["recipe"]["encoder"]) if report else None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{folder} holds no Match Score model ({reason}): interplay-bench train match-score."
        ) from None
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        raise CheckpointError(f"{folder / VECTORS}: the vectors are no finite matrix. Train it again.")
    if len(catalog) != len(vectors):
        raise CheckpointError(f"{folder}: {len(catalog)} items, but {len(vectors)} vectors. Train it again.")
    known = vectors.tobytes() + text.encode() + (texts.digest if texts else b"")
    return Artefact(unit(vectors.astype("float32")), catalog, hashlib.sha256(known).hexdigest()[:12], texts)


def _row(item: Item) -> dict[str, Any]:
    """An item of the catalogue; films, which were the only domain once, do not say theirs."""
    row = {"id": item.id, "title": item.title, "year": item.year}
    return row if item.domain == FILMS else {**row, "domain": item.domain}
