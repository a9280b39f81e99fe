from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from interplay_bench.engines.pretrained.model_files import SLICE, files_hash, weights_hash


@pytest.mark.parametrize("at", [0, 10 * SLICE, -1])
def test_a_change_at_either_end_or_amidst_a_tensor_changes_the_hash(tmp_path: Path, at: int) -> None:
    values = torch.zeros(20 * SLICE, dtype=torch.uint8)
    save_file({"one": values, "other": torch.zeros(8)}, tmp_path / "model.safetensors")
    before = weights_hash(tmp_path)
    assert weights_hash(tmp_path) == before
    values[at] = 1
    save_file({"one": values, "other": torch.zeros(8)}, tmp_path / "model.safetensors")
    assert weights_hash(tmp_path) != before


def test_other_names_and_shapes_are_another_hash(tmp_path: Path) -> None:
    hashes = set()
    for tensors in ({"a": torch.zeros(4)}, {"b": torch.zeros(4)}, {"a": torch.zeros(2, 2)}):
        save_file(tensors, tmp_path / "model.safetensors")
        hashes.add(weights_hash(tmp_path))
    assert len(hashes) == 3


def test_files_beside_the_weights_are_known_by_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "training.json").write_text("{}")
    before = files_hash(tmp_path)
    (tmp_path / "training.json").write_text("[]")
    assert files_hash(tmp_path) == before
    for name in ("tokenizer.json", "vocab.tiktoken", "vocab.bpe", "chat_template.jinja", "modeling_own.py"):
        (tmp_path / name).write_text("{}")
        assert files_hash(tmp_path) != before
        before = files_hash(tmp_path)
