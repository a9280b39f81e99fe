from __future__ import annotations

import random
import unicodedata
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.environment.errors import UsageError
from interplay_bench.metrics.distinct import distinct, distinct_at, distinct_difference, word_v1

FIXTURE = ["a b c d e", "a b c d f", "hi"]


def test_the_papers_definition() -> None:
    score = distinct(FIXTURE)
    assert (score.value, score.count, score.total, score.n) == (0.75, 3, 4, 3)
    assert score.signature == (
        "dist-4|level:corpus|denom:ngrams|tok:word-v1|case:lower|n:3|interval:jackknife-sample-95|version:1"
    )


def test_the_definitions_that_share_the_name() -> None:
    assert distinct(FIXTURE, definition="unicrs").value == 1.0
    # "a b ", " b c", "b c ", " c d", "c d ", " d e", " d f"
    assert distinct(FIXTURE, definition="crslab").value == pytest.approx(7 / 3)
    assert distinct([*FIXTURE, "", "  "], definition="unicrs").value == 1.0
    signatures = {distinct(FIXTURE, definition=name).signature for name in ("paper", "unicrs", "crslab")}
    assert len(signatures) == 3
    with pytest.raises(UsageError, match="'unicrs'"):
        distinct(FIXTURE, definition="unicr")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't go!", ["don't", "go", "!"]),
        ("Don\u2019t go\u2026", ["don't", "go", "\u2026"]),
        ("Heat (1995), 10/10", ["heat", "(", "1995", ")", ",", "10", "/", "10"]),
        ("'quoted' rock'n'roll", ["'", "quoted", "'", "rock'n'roll"]),
        ("Amélie 映画", ["amélie", "映画"]),
        (" \n", []),
    ],
)
def test_word_v1(text: str, tokens: list[str]) -> None:
    assert word_v1(text) == tokens


def test_no_ngram_no_value() -> None:
    for texts in ([], [""], ["too short"]):
        score = distinct(texts)
        assert (score.value, score.low, score.high, score.total) == (None, None, None, 0)


def test_one_response_has_no_interval() -> None:
    score = distinct(["a b c d e"])
    assert (score.value, score.low, score.high) == (1.0, None, None)


texts = st.lists(st.text(alphabet="ab .", max_size=12), max_size=12)


@given(texts, st.integers(1, 4))
def test_range_and_order(corpus: list[str], n: int) -> None:
    score = distinct(corpus, n)
    turned = distinct(corpus[::-1], n)
    assert score.value == turned.value
    if score.value is not None:
        assert 0 < score.value <= 1
        if score.low is not None:
            assert score.high is not None
            assert 0 <= score.low <= score.value <= score.high <= 1
    assert distinct_difference(corpus, corpus, n) in (None, (0.0, 0.0), (0.0, None))


@given(texts.filter(bool), st.integers(1, 3))
def test_one_pass_is_the_jackknife(corpus: list[str], n: int) -> None:
    from interplay_bench.metrics.distinct import DEFINITIONS, _jackknife

    _, _, without = _jackknife(corpus, n, None, DEFINITIONS["paper"])
    slow = [distinct(corpus[:i] + corpus[i + 1 :], n).value for i in range(len(corpus))]
    assert without == slow


def zipf_corpus(rng: random.Random, dialogues: int) -> tuple[list[str], list[int]]:
    """Dialogues that repeat themselves, in words as unevenly common as real ones."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(300)))

    def text() -> str:
        return " ".join(f"w{word}" for word in rng.choices(range(300), cum_weights=weights, k=rng.randint(3, 12)))

    said: list[str] = []
    spoken: list[int] = []
    for dialogue in range(dialogues):
        refrain = text()
        for _ in range(rng.randint(2, 5)):
            said.append(refrain if rng.random() < 0.3 else text())
            spoken.append(dialogue)
    return said, spoken


def test_the_interval_covers_what_other_corpora_of_that_size_have() -> None:
    rng = random.Random(2)
    corpora = [zipf_corpus(rng, 40) for _ in range(300)]
    scores = [distinct(said, 2, spoken) for said, spoken in corpora]
    values = [score.value for score in scores if score.value is not None]
    truth = sum(values) / len(values)
    covered = sum((score.low or 0) <= truth <= (score.high or 0) for score in scores) / len(scores)
    assert 0.92 <= covered <= 0.995


def test_equal_size() -> None:
    said, _ = zipf_corpus(random.Random(3), 100)
    whole, small = distinct(said, 2), distinct_at(said, 2, 50, seed=1)
    assert whole.value is not None
    assert small.value is not None
    assert small.value > whole.value
    assert small == distinct_at(said, 2, 50, seed=1)
    assert distinct_at(said, 2, len(said)).value == whole.value
    assert small.signature.startswith("dist-2@50|")
    for size in (0, len(said) + 1):
        with pytest.raises(ValueError, match="size must lie between"):
            distinct_at(said, 2, size)


def test_a_paired_difference_knows_the_more_diverse() -> None:
    said, spoken = zipf_corpus(random.Random(4), 60)
    dull = [text if i % 2 else "i do not know what to say to that" for i, text in enumerate(said)]
    found = distinct_difference(dull, said, 2, spoken)
    assert found is not None
    effect, error = found
    assert error is not None
    assert effect > 3 * error > 0


def test_a_mark_belongs_to_its_letter_however_it_is_encoded() -> None:
    sentence = "Amélie is très belle"
    forms = [unicodedata.normalize(form, sentence) for form in ("NFC", "NFD")]
    assert distinct(forms, 4).value == 0.5
    assert word_v1("मुझे हिन्दी फ़िल्में पसंद हैं") == ["मुझे", "हिन्दी", "फ़िल्में", "पसंद", "हैं"]
    assert word_v1("don’t—go 👍🏽") == ["don't", "—", "go", "👍", "🏽"]
