"""Addresses, keys and proxies: what cannot be one is named, and no secret is ever shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.environment.errors import BackendError, InterplayError, UsageError
from interplay_bench.evaluation.evaluate import evaluate
from tests.engines.endpoint.fake_server import (
    KEY,
    Server,
    answer,
    text,
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
    "url",
    [
        "http://user:PASS/WORD@host/v1",
        "http://user:PASS#WORD@host/v1",
        "user:PASSWORD@host/v1",
        "http:/user:PASSWORD@host/v1",
        "http://user:PASSWORD\u2100@host/v1",
        "http://user:PASSWORD@/v1",
        "http://user:PASSWORD@host:x/v1?key=PASSWORD",
    ],
)
def test_an_address_that_is_none_shows_no_password(connect: Connect, url: str) -> None:
    with pytest.raises(UsageError, match="base_url") as raised:
        connect(base_url=url)
    assert "PASS" not in str(raised.value)
    assert "WORD" not in str(raised.value)


def test_no_form_of_the_key_comes_back(server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    key = 'sk+"very/secret'
    monkeypatch.setenv("OPENAI_API_KEY", key)
    for said in (json.dumps(key)[1:-1], "sk\\u002b\\u0022very\\/secret"):
        server.script = lambda _, said=said: (200, {}, text("KEY")[2].replace("KEY", said))  # type: ignore[misc]
        assert written(connect()) == ["***"]
    for said in (json.dumps(key), key, "sk%2B%22very%2Fsecret"):
        server.script = lambda _, said=said: (404, {"location": said}, said)  # type: ignore[misc]
        with pytest.raises(BackendError) as raised:
            written(connect())
        assert "secret" not in str(raised.value)
    server.script = lambda _: (307, {"location": f"http://elsewhere/{key}"}, "{}")
    with pytest.raises(BackendError, match=r"redirects to http://elsewhere/\*\*\*"):
        written(connect())


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("HTTPS_PROXY", "socks9://proxy", "HTTPS_PROXY"),
        ("ALL_PROXY", "nonsense", "ALL_PROXY"),
        ("http_proxy", "http://user:PASS@127.0.0.1:99999", "http_proxy"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "SSL_CERT_FILE"),
        ("SSLKEYLOGFILE", "/no/such/folder/keys", "SSLKEYLOGFILE"),
        ("OPENAI_ORG_ID", "“org-1”", "OPENAI_ORG_ID"),
        ("OPENAI_PROJECT_ID", "“p-1”", "OPENAI_PROJECT_ID"),
    ],
)
def test_an_environment_that_the_library_cannot_take_is_named(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(InterplayError, match=named) as raised:
        written(connect())
    assert "PASS" not in str(raised.value)


def test_a_dead_proxy_is_not_a_dead_server(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(BackendError, match="through the proxy in HTTP_PROXY"):
        written(connect(base_url="http://server.example/v1"))


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


@pytest.mark.slow
def test_a_typed_address_keeps_its_password_out_of_folders_and_reports(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    url = server.url.replace("http://", "http://user:PASSWORD@") + "?x_api_key=SECRETKEY"
    server.script = lambda _: answer(message__content="<accept>")
    data = ["--dataset", "sample", "--limit", "1", "-q"]
    pairs = ["--users", f"endpoint:m@{url}", "--recommenders", "popularity"]
    assert main(["run", "--task", "user_multiturn", "--model", f"endpoint:m@{url},oracle", *data, "-o", "suite"]) == 0
    assert main(["crossplay", *pairs, *data, "-o", "matrix"]) == 0
    assert main(["publish", *(str(p.parent) for p in Path("suite").glob("*/run.json")), "--results", "kept",
                 "--allow-dirty"]) == 0  # fmt: skip
    made = [path for folder in ("suite", "matrix", "kept") for path in Path(folder).rglob("*")]
    texts = [path.read_bytes().decode(errors="replace") for path in made if path.is_file()]
    for shown in (*map(str, made), *texts, *capsys.readouterr()):
        assert "PASSWORD" not in shown
        assert "SECRETKEY" not in shown
