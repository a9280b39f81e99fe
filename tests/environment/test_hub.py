"""Variables of the hub's library that it fails on."""

from __future__ import annotations

import pytest

from interplay_bench.engines.pretrained.finding import Source, find, find_file
from interplay_bench.environment.errors import UsageError


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HF_ENDPOINT", "hub.example"),
        ("HF_ENDPOINT", "http://[hub"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "soon"),
        ("HF_HUB_ETAG_TIMEOUT", "10 s"),
    ],
)
def test_a_variable_that_the_library_fails_on_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=f"{variable}.*correct or unset it"):
        find(Source("no/such-model"))
    with pytest.raises(UsageError, match=f"{variable}.*correct or unset it"):
        find_file(Source("no/such-model"), "config.json")
