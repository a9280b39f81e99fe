"""Secrets in texts that are written or shown: what is taken out, and what is left as it is."""

from __future__ import annotations

import pytest

from interplay_bench.environment.secrets import without_secrets
from tests.growth import grows_at_most


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://user:PASS@host/v1?api_key=KEY1&x=2", "http://host/v1?api_key=***&x=2"),
        ("http://user:p@SS@host/v1", "http://host/v1"),
        ("http://user:PA/SS@host/v1", "http://host/v1"),
        ("http://host/v1?x_api_key=KEY1&api-version=3", "http://host/v1?x_api_key=***&api-version=3"),
        ("https://host/v1?subscription-key=KEY1", "https://host/v1?subscription-key=***"),
        ("https://host/v1?X-Amz-Signature=KEY1&y=1", "https://host/v1?X-Amz-Signature=***&y=1"),
        ("https://host/v1?client_secret=K#access_token=K", "https://host/v1?client_secret=***#access_token=***"),
        ("https://host/v1?api%5Fkey=KEY1", "https://host/v1?api%5Fkey=***"),
        ("--set engine.api_key=KEY1 engine.api_key_env=A", "--set engine.api_key=*** engine.api_key_env=A"),
        ('engine.extra_body={"api_key": "K", "n": "1"}', 'engine.extra_body={"api_key": "***", "n": "1"}'),
        ("Authorization: Bearer abcdefghijklmnop0123", "Authorization: Bearer ***"),
        ("hf_abcdefghijklmnopqrstuvwxyzABCDEF", "hf_***"),
    ],
)
def test_a_secret_is_taken_out_of_values_and_keys(given: str, kept: str) -> None:
    assert without_secrets(given) == kept
    assert without_secrets({given: [f"--set {given}"]}) == {kept: [f"--set {kept}"]}


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8000/@cf/v1",
        "https://host/v1?max_tokens=5",
        "hf:org/model@main, the stop_token=</s> of http://host:80/a@b",
        "task-sk-early-termination-of-dialogues",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets({text: [text]}) == {text: [text]}


def test_a_field_is_hidden_by_its_name() -> None:
    fields = {"api_key": "K", "client_secret": "K", "api_key_env": "MY_KEY", "token": "a word", "n": 1}
    kept = {"api_key": "***", "client_secret": "***", "api_key_env": "MY_KEY", "token": "a word", "n": 1}
    assert without_secrets({"extra_body": fields}) == {"extra_body": kept}


@pytest.mark.parametrize("unit", ["a.", "sk-", "?key", "http://a@", "a://b:", "http://a:b/"])
def test_the_time_of_looking_for_secrets_grows_with_the_text_not_its_square(unit: str) -> None:
    assert grows_at_most(8, lambda length: without_secrets(unit * (length // len(unit))), 10_000)
