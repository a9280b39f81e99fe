"""The ``K=V`` settings of a run: which belong to the task, to the model's engine, and to the data set."""

from __future__ import annotations

from collections.abc import Mapping

ENGINE = "engine."
DEVICE = f"{ENGINE}device"
"""Where a model computes, which makes it no other model."""
DATA = "data."


def engine_options(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that belong to the model's engine: ``engine.dtype=float32``, without the ``engine.``."""
    return {key.removeprefix(ENGINE): value for key, value in settings.items() if key.startswith(ENGINE)}


def task_options(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that belong to the task."""
    return {key: value for key, value in settings.items() if not key.startswith((ENGINE, DATA))}


def data_options(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that belong to the data set: ``data.domain=music``, without the ``data.``."""
    return {key.removeprefix(DATA): value for key, value in settings.items() if key.startswith(DATA)}
