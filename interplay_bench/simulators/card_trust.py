"""What a card may not decide by itself, since it may be somebody else's: to run code, and where a key goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from interplay_bench.environment.errors import CardError
from interplay_bench.simulators.card import ModelCard

HOSTS = "INTERPLAY_HOSTS"
"""The environment variable with the addresses, separated by commas, that cards may send keys to.

``https://host:8443`` allows that scheme, host and port, ``host`` alone ``https://host``.
"""
RUNS_CODE = {"trust_remote_code", "worker_cls", "worker_extension_cls", "scheduler_cls", "load_format", "hf_overrides"}
"""Options of vLLM that name code to import, or how weights are unpacked."""
DEFAULT = "https://api.openai.com"
"""Where keys go where nobody says anything."""

Origin = tuple[str, str, int | None]
"""Scheme, host and port: what a key is given to."""


def check_trust(card: ModelCard, said: Mapping[str, Any]) -> None:
    """Raise where a card asks for trust that the user has not given. ``said``: what the user set of the engine."""
    options = card.engine.get("options")
    named = isinstance(options, Mapping) and bool(RUNS_CODE & options.keys()) and "options" not in said
    if (card.engine.get("trust_remote_code") or named) and "trust_remote_code" not in said:
        raise CardError(
            f"The card {card.name!r} asks to run code that comes with the model. If you trust it, say so: "
            "--trust-remote-code."
        )
    url = card.engine.get("base_url")
    variable = str(card.engine.get("api_key_env", "OPENAI_API_KEY"))
    if not isinstance(url, str) or "base_url" in said or not os.environ.get(variable):
        return
    allowed = [DEFAULT, os.environ.get("OPENAI_BASE_URL", ""), *os.environ.get(HOSTS, "").split(",")]
    origin = _origin(url)
    if origin is not None and origin not in {_origin(each.strip()) for each in allowed}:
        scheme, host, port = origin
        shown = f"{scheme}://{host}" + ("" if port is None else f":{port}")
        raise CardError(
            f"The card {card.name!r} would send the key in {variable} to {shown}. If that is meant, name "
            f"the address yourself (--set engine.base_url=URL), or add {shown} to {HOSTS}."
        )


def _origin(url: str) -> Origin | None:
    """Where an address leads; ``None`` where it is no address, which the engine says better. No scheme is https."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        port = None if parts.port == usual else parts.port
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
