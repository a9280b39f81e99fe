"""Addresses, keys and proxies: what cannot be one is named, and no secret is ever shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.environment.errors import BackendError, InterplayError, UsageError
from interplay_bench.environment.secrets import without_secrets
from interplay_bench.evaluation.evaluate import evaluate
from tests.engines.endpoint.fake_server import (
    KEY,
    Server,
    answer,
    written,
)

Connect = Callable[..., EndpointModel]


def test_a_redirect_to_elsewhere_is_not_followed(server: Server, connect: Connect) -> None:
    server.script = lambda _: (307, {"location": "http://user:pass@evil.example/v1?key=1"}, "{}")
    with pytest.raises(BackendError, match=r"redirects to http://evil\.example/v1: set base_url") as raised:
        written(connect())
    assert "pass" not in str(raised.value)


@pytest.mark.parametrize("key", ["sk-1\nsk-2", "“sk-quoted”", "sk with space"])
def test_a_key_that_no_header_can_hold_is_never_shown(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="OPENAI_API_KEY holds") as raised:
        connect()
    assert "sk" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://host\n/v1", "http://host:99999/v1", "http://host:port/v1", "ftp://host", "host"]
)
def test_an_address_that_is_none_is_one_line(connect: Connect, url: str) -> None:
    with pytest.raises(UsageError, match="base_url"):
        connect(base_url=url)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("HTTPS_PROXY", "socks9://proxy", "HTTPS_PROXY"),
        ("ALL_PROXY", "nonsense", "ALL_PROXY"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "SSL_CERT_FILE"),
    ],
)
def test_an_environment_that_the_library_cannot_take_is_named(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(InterplayError, match=named):
        written(connect())


def test_a_dead_proxy_is_not_a_dead_server(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(BackendError, match="through the proxy in HTTP_PROXY"):
        written(connect(base_url="http://server.example/v1"))


def test_secrets_in_addresses_are_taken_out() -> None:
    url = "http://user:PASS@host/v1?api_key=KEY1&x=2"
    assert without_secrets({"a": [f"--set engine.base_url={url}"]}) == {
        "a": ["--set engine.base_url=http://host/v1?api_key=***&x=2"]
    }


@pytest.mark.slow
def test_no_record_holds_a_password(server: Server, tmp_path: Path) -> None:
    url = server.url.replace("http://", "http://user:PASSWORD@") + "?api_key=SECRETKEY"
    card = tmp_path / "mine.toml"
    card.write_text('summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "endpoint"\nmodel = "m"\ncache = "off"\n')
    server.script = lambda _: answer(message__content=f"<accept> {KEY}")
    settings = {"engine.base_url": url}
    evaluate("user_multiturn", str(card), "sample", limit=2, settings=settings, output=tmp_path / "run")
    for file in (tmp_path / "run").iterdir():
        kept = file.read_text()
        assert "PASSWORD" not in kept, file
        assert "SECRETKEY" not in kept, file
        assert KEY not in kept, file
