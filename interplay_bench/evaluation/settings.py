"""The ``K=V`` settings of a run: which belong to the task, to the model's engine, and to the data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.toml_and_json import from_toml

ENGINE = "engine."
DEVICE = f"{ENGINE}device"
"""Where a model computes, which makes it no other model."""
DATA = "data."


def engine_options(settings: Mapping[str, str]) -> dict[str, Any]:
    """Those of the settings that belong to the model's engine: ``engine.dtype=float32``, without the ``engine.``.

    What begins with a brace is a table, written as in a card: ``engine.options={enforce_eager = true}``.
    """
    return {key.removeprefix(ENGINE): _read(key, value) for key, value in settings.items() if key.startswith(ENGINE)}


def task_options(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that belong to the task."""
    return {key: value for key, value in settings.items() if not key.startswith((ENGINE, DATA))}


def data_options(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that belong to the data set: ``data.domain=music``, without the ``data.``."""
    return {key.removeprefix(DATA): value for key, value in settings.items() if key.startswith(DATA)}


def _read(key: str, value: str) -> Any:
    if not value.lstrip().startswith("{"):
        return value
    try:
        return from_toml(f"value = {value}")["value"]
    except ValueError as error:
        raise UsageError(f"--set {key}: no table of TOML, such as {{name = true}}: {error}.") from None
