"""A server at a test's will, and engines of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interplay_bench.engines.endpoint.endpoint_model import EndpointModel
from interplay_bench.engines.endpoint.endpoint_settings import EndpointSettings
from interplay_bench.engines.endpoint.response_cache import ResponseCache
from tests.engines.endpoint.fake_server import KEY, Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., EndpointModel]]:
    """Make engines of the server, with short waits, and close them."""
    models: list[EndpointModel] = []

    def connect(kept: ResponseCache | None = None, **settings: Any) -> EndpointModel:
        given = {"model": "m", "base_url": server.url, "max_retries": 2, "max_wait": 0.001, **settings}
        models.append(EndpointModel(EndpointSettings(**given), kept))
        return models[-1]

    yield connect
    for model in models:
        model.close()
